"""Draws a stack's boards without AWS: every widget, title, threshold and alarm state, in a style of its own."""

"""Draws the boards of a stack without AWS: every widget, title, threshold and alarm state, not CloudWatch's pixels."""

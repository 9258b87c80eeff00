"""Drills: a fault that is made for real in an embedded cloud, and what its alarms do about it."""

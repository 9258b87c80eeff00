"""Weeks of the running system in seconds: its model, its faults, and what the alarms do about them."""

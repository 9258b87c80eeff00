"""Simulates weeks of the running system in seconds: its model, its faults, and how its alarms respond."""

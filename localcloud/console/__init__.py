"""The console of the embedded cloud: its boards and alarms, live, on a page of this machine."""

"""The commands: the options each takes and what it prints. What it does is in the modules of `ops`."""

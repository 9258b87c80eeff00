"""The commands: how each is asked and what it prints. What they do is in the modules of `ops`."""

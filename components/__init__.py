"""The parts of the stack: a component owns its resources, and exposes their permissions and signals as data."""

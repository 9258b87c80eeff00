"""The parts of a stack's state, how each is read, and what is broken about them."""

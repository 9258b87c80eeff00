"""The parts of the stack: each component owns its resources, and says what it permits and what is worth watching."""

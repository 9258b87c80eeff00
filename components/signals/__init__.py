"""What is worth monitoring, as data: one module for each component, of the same name."""

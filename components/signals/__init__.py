"""What is worth monitoring, as data: one module per component, with the name of the component."""

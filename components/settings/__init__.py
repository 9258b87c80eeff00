"""The configuration of a stack: `StackSettings`, the only reader of `pulumi.Config`, and the parsers of its values."""

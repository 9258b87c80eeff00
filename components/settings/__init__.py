"""What a stack file may say: `StackSettings`, the only reader of `pulumi.Config`, and the parsers of its values."""

"""The AWS emulator, a child process that ends with its parent."""

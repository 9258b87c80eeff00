"""A package, so that cloud and browser end with its last test: other tests cannot run beside the browser's loop."""

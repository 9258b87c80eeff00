"""Pulumi's own protocol, served to the unmodified program, whose resources are created in the emulator or recorded."""

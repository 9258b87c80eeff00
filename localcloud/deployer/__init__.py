"""Pulumi's own protocol, served to the unmodified program: it deploys into the emulator, or records."""

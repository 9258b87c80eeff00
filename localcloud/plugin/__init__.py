"""The providers of the embedded cloud for the real Pulumi engine, over Pulumi's plugin protocol."""

STACK = "local"
"""The only stack that is deployed with this plugin."""

"""The whole stack on this machine: an emulator, and a deployer that speaks Pulumi's own protocol."""

"""The operator's command line for a deployed stack."""

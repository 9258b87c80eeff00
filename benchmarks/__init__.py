"""The functions that ship, measured beside controls in one run."""

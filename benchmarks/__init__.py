"""Measures the deployed functions beside two controls in one run."""

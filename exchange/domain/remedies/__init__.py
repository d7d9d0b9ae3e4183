"""Remedies: pure functions from the frozen facts of an incident to legs of cash and positions."""

"""The desk for programs: the same services behind JSON."""

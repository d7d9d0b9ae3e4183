"""The desk: what people decide."""

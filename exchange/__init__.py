"""The books: what the market did and who owns what."""

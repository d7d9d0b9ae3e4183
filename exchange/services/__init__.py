"""The verbs of the books: the only code that writes them."""

"""What the browser sees: one module a noun, thin functions over services and queries."""

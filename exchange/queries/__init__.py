"""Reads of the books. One function is one SQL statement, or its docstring says how many."""

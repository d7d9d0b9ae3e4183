"""The tape: market evidence read from files, checked whole, and kept under its own digest.

Files in, arrays and Parquet out. Nothing here knows Django, a clock or a database. Invariants:
a bundle is stored only when every row of it is sound; a stored tape is never edited; the same
content has the same digest whatever file format it came in.
"""

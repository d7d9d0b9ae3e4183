"""What the performance claims are measured with: `python -m bench [engine ...]`.

Every claim is a ratio within one run. The cases of a table take turns, round after round, so
that a busy machine slows all of them alike, and each is reported by its best round. Beside
each of ours stands the limit (usually the same bytes copied in memory), a plain Python
version, and whatever peers `bench/requirements.txt` has installed; what is missing is named.
"""

"""One way to write a JSON value down, so that its SHA-256 means something.

The form is that of PostgreSQL's `jsonb` text: keys by length in bytes and then by bytes, one space
after every comma and colon, characters as themselves. The database can therefore recompute any of
our digests from the stored column (`audit_hash`, `batch_needs_plan`). Version 1 is led by the byte
`1`. Floats have no place in it: an amount is an integer or a decimal string.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence

VERSION = "1"


def text(value: object) -> str:
    """The canonical text. Raises TypeError for a float, a non-string key, or any other type."""
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{key!r} is no key: keys are strings")
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        inner = ", ".join(f"{text(key)}: {text(value[key])}" for key in keys)
        return "{" + inner + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(text(item) for item in value) + "]"
    raise TypeError(f"{value!r} has no canonical form: amounts are integers or decimal strings")


def digest(value: object) -> str:
    """SHA-256, in hex, of the version byte and the canonical text."""
    return hashlib.sha256((VERSION + text(value)).encode()).hexdigest()

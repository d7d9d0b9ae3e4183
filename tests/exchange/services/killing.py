"""A process that dies at a named step, as a power cut would end it: no unwinding, no goodbye."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.desk import WAIT_SECONDS_MAX


def killed(code: str, step: str, database: dict[str, Any]) -> int:
    """Run code in a process of its own, on that database, that dies at `step`; its exit code."""
    address = f"postgresql://{database['USER']}@/{database['NAME']}"
    address += f"?host={quote(str(database['HOST']), safe='')}&port={database['PORT'] or 5432}"
    done = subprocess.run(
        [sys.executable, "-c", f"import django\ndjango.setup()\n{code}"],
        env={**os.environ, "DATABASE_URL": address, "MAKEWHOLE_DIE_AT": step},
        cwd=Path(__file__).parents[3],
        timeout=WAIT_SECONDS_MAX,
        check=False,
    )
    return done.returncode

"""Where the embedded servers live, and the one error they raise.

Everything is derived from the data folder alone, so that any two commands with the same data folder
meet at the same servers without telling each other. Nothing here starts or touches a server.
"""

import errno
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
PORT = 5432
DATABASE = "makewhole"
# A Unix socket's address holds 107 bytes on Linux and 103 on macOS, final zero not counted.
SOCKET_BYTES_MAX = 103


class EmbeddedError(Exception):
    """An embedded server cannot be used. The message names the path and says what to do."""


@dataclass(frozen=True)
class Places:
    """The paths under one data folder.

    `run` holds the sockets. It is `<data>/run`, or a short folder in the temporary directory, named
    after a hash of the data folder, where the former would not fit into a socket's address.
    """

    data: Path

    @property
    def postgres(self) -> Path:
        return self.data / "postgres"

    @property
    def postgres_making(self) -> Path:
        """Where initdb works; renamed to `postgres` once whole, so no half-made one is used."""
        return self.data / "postgres.making"

    @property
    def postgres_log(self) -> Path:
        return self.data / "log" / "postgres.log"

    @property
    def valkey(self) -> Path:
        return self.data / "valkey"

    @property
    def valkey_log(self) -> Path:
        return self.data / "log" / "valkey.log"

    @property
    def pids(self) -> Path:
        return self.data / "pids"

    @property
    def lock(self) -> Path:
        return self.data / "services.lock"

    @property
    def run(self) -> Path:
        near = self.data / "run"
        if len(os.fsencode(near / f".s.PGSQL.{PORT}.lock")) <= SOCKET_BYTES_MAX:
            return near
        name = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"makewhole-{name}"

    @property
    def postgres_socket(self) -> Path:
        return self.run / f".s.PGSQL.{PORT}"

    @property
    def valkey_socket(self) -> Path:
        return self.run / "valkey.sock"


def places(data: str | Path | None = None) -> Places:
    """The paths of `data`, else of $MAKEWHOLE_DATA, else of `var` beside manage.py."""
    chosen = data or os.environ.get("MAKEWHOLE_DATA") or PROJECT / "var"
    return Places(Path(chosen).expanduser().resolve())


def refusal(doing: str, path: Path, error: OSError) -> EmbeddedError:
    """The error to raise when the file system refused something, with what to do about it."""
    elsewhere = "or set MAKEWHOLE_DATA to another folder"
    fixes = {
        errno.ENOSPC: f"the disk is full: free some space, {elsewhere}",
        errno.EDQUOT: f"the disk quota is used up: free some space, {elsewhere}",
        errno.EROFS: f"the file system is read-only: remount it for writing, {elsewhere}",
        errno.EACCES: f"this user may not write there: change its owner, {elsewhere}",
        errno.EPERM: f"this user may not do that there: change its owner, {elsewhere}",
        errno.ENOTDIR: f"a file stands where a folder is needed: move it away, {elsewhere}",
        errno.EEXIST: f"a file stands where a folder is needed: move it away, {elsewhere}",
    }
    fix = fixes.get(error.errno or 0, f"{error.strerror}: put it right, {elsewhere}")
    return EmbeddedError(f"cannot {doing} {path}: {fix}.")

"""Who runs, told by more than a pid.

A pid is recycled: after a crash or a reboot the number in a pid file may belong to any program. A
process counts as ours only if it also started in the same boot and as long after it (our pid
files), or if its command line names our folder (the servers, whose pid files we do not write).
"""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypedDict

import psutil

from backoffice.embedded.places import EmbeddedError, Places, refusal

SERVER_USER = "pgserver"
Say = Callable[[str], None]


def alive(pid: int) -> psutil.Process | None:
    """The process, unless it is gone or only waits to be reaped."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return None


def words(process: psutil.Process) -> list[str]:
    """Its command line; empty when it ended or belongs to someone who hides it."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def at_work(program: str, folder: Path) -> list[psutil.Process]:
    """The living processes of `program` that work in `folder`, removed under them or not."""
    found = []
    for process in psutil.process_iter(("name", "status")):
        if program not in (process.info["name"] or "") or process.info["status"] == "zombie":
            continue
        try:
            where = process.cwd().removesuffix(" (deleted)")
        except psutil.Error:
            continue
        if where == str(folder):
            found.append(process)
    return found


def write_pid(file: Path, pid: int) -> None:
    """Notes a child with when it started, which a recycled pid does not share."""
    note = {"pid": pid, "boot": _boot(), "started": _started(psutil.Process(pid))}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(note) + "\n")


def read_pid(file: Path) -> psutil.Process | None:
    """The process noted in `file`, if it is still that one."""
    pid, started = _noted(file)
    process = alive(pid)
    try:
        # Each of the two readings may be on the other side of a full second.
        same = process is not None and abs(_started(process) - started) <= 2.0
    except psutil.Error:
        return None
    return process if same else None


def orphans(file: Path, folder: Path) -> list[psutil.Process]:
    """Who lives on of the session that the program noted in `file` led, and is gone from.

    The number of a session is given away once nobody is left in it. A stranger that has it now
    would have to work in `folder`, as our programs do.
    """
    session, started = _noted(file)
    if alive(session) is not None:
        return []
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            ours = os.getsid(process.pid) == session and process.cwd() == str(folder)
            if ours and _started(process) >= started - 2.0 and alive(process.pid):
                found.append(process)
    return found


def _noted(file: Path) -> tuple[int, float]:
    """The pid in a note of this boot and its start; a pid nobody has where there is none."""
    try:
        note = json.loads(file.read_text())
        if note["boot"] == _boot():
            return int(note["pid"]), float(note["started"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return -1, 0.0


def _started(process: psutil.Process) -> float:
    """Seconds from the boot to its start: a wall clock that is set does not move them."""
    return float(process.create_time() - psutil.boot_time())


def _boot() -> str:
    """Which boot this is, where the system says."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def end(
    processes: Iterable[psutil.Process], *, by: signal.Signals, seconds_max: float
) -> list[psutil.Process]:
    """Signals them and waits; returns those that are still there after `seconds_max`."""
    asked = list(processes)
    for process in asked:
        try:
            process.send_signal(by)
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied as error:
            raise EmbeddedError(
                f"process {process.pid} belongs to another user: stop it as that user."
            ) from error
    # Polled, not waited for: most are nobody's children any more, and psutil waits for those in
    # steps of a second.
    until = time.monotonic() + seconds_max
    while (left := [each for each in asked if _same_lives(each)]) and time.monotonic() < until:
        time.sleep(0.02)
    return left


def kill(found: Iterable[psutil.Process], whose: str) -> None:
    """Ends them at once. Raises EmbeddedError when even that does not."""
    if left := end(found, by=signal.SIGKILL, seconds_max=10):
        pids = ", ".join(str(process.pid) for process in left)
        raise EmbeddedError(
            f"{whose} cannot be killed (pid {pids}): it waits for the system, most likely its disk."
        )


def _same_lives(process: psutil.Process) -> bool:
    found = alive(process.pid)
    return found is not None and found == process


def server_account(at: Places) -> pwd.struct_passwd | None:
    """Whom the servers run as: None is ourselves.

    PostgreSQL refuses to run as root. Root therefore runs the servers as the owner of the data they
    already have, else as a system account made for it.

    Raises EmbeddedError when the data belongs to someone else, or no account can be made.
    """
    folder = at.postgres if at.postgres.exists() else at.valkey
    owner = folder.stat().st_uid if folder.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner != os.geteuid():
            raise EmbeddedError(
                f"{folder} belongs to {_user_name(owner)}, and you are {_user_name(os.geteuid())}: "
                f"run the command as {_user_name(owner)}, change the owner of the folder, "
                "or set MAKEWHOLE_DATA to another one."
            )
        return None
    if owner:
        try:
            return pwd.getpwuid(owner)
        except KeyError as error:
            raise EmbeddedError(
                f"{folder} belongs to user id {owner}, which has no account here: "
                f"`chown -R {SERVER_USER} {folder}`, or set MAKEWHOLE_DATA to another folder."
            ) from error
    return _system_account()


def _system_account() -> pwd.struct_passwd:
    """The account root runs the servers as, made on the first call on a machine."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SERVER_USER)
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SERVER_USER]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
        return pwd.getpwnam(SERVER_USER)
    except (OSError, KeyError, subprocess.CalledProcessError) as error:
        raise EmbeddedError(
            f"PostgreSQL does not run as root and the account {SERVER_USER} could not be made "
            f"({getattr(error, 'stderr', '') or error}): make it with `useradd {SERVER_USER}`, "
            "run as another user, or set DATABASE_URL and REDIS_URL to servers of your own."
        ) from error


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user id {uid}"


def open_to(account: pwd.struct_passwd | None, *folders: Path) -> None:
    """Lets the servers' account pass through the folders above, if it is not our own.

    Adds the execute bit for others (pass through, not list) where it lacks, and nothing else.
    """
    if account is None:
        return
    for folder in {parent for each in folders for parent in each.resolve().parents}:
        mode = folder.stat().st_mode
        if mode & 0o001 or folder.stat().st_uid == account.pw_uid:
            continue
        try:
            folder.chmod(mode | 0o001)
        except OSError as error:
            raise refusal(f"let {account.pw_name} pass through", folder, error) from error


def let_read(account: pwd.struct_passwd | None, *trees: Path) -> None:
    """Lets the servers' account read programs that a strict umask installed for their owner alone.

    They are of a public package. The top of each tree comes last: it tells that the rest is done.
    """
    if account is None:
        return
    for tree in trees:
        if not tree.exists() or tree.stat().st_mode & 0o005 == 0o005:
            continue
        try:
            for each in (*tree.rglob("*"), tree):
                if not each.is_symlink():
                    mode = each.stat().st_mode
                    each.chmod(mode | (0o005 if mode & 0o100 else 0o004))
        except OSError as error:
            raise refusal(f"let {account.pw_name} read", tree, error) from error


def make_folder(folder: Path, account: pwd.struct_passwd | None, mode: int = 0o700) -> None:
    """Makes `folder` for the servers' account and nobody else.

    One that is there already must be a folder, not a link, of that account or of ours: the socket
    folder may stand in the temporary directory, where anybody could have put one first.
    """
    try:
        if folder.is_symlink():
            raise EmbeddedError(f"{folder} is a link and could lead anywhere: remove it.")
        if folder.exists() and folder.stat().st_uid not in _owners(account):
            owner = _user_name(folder.stat().st_uid)
            raise EmbeddedError(f"{folder} belongs to {owner}: remove it, or change its owner.")
        folder.mkdir(parents=True, exist_ok=True)
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        folder.chmod(mode)
    except OSError as error:
        raise refusal("make the folder", folder, error) from error


def _owners(account: pwd.struct_passwd | None) -> set[int]:
    return {os.geteuid()} | ({account.pw_uid} if account else set())


def launch(
    command: list[str], *, log: Path, folder: Path, account: pwd.struct_passwd | None
) -> subprocess.Popen[bytes]:
    """Starts a server that outlives us: own session, output to `log`, no variables of ours."""
    if log.exists() and log.stat().st_size > 16 * 2**20:
        shutil.move(log, log.with_suffix(".log.1"))
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "HOME": str(folder)}
    try:
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
                start_new_session=True,
                **run_as(account),
            )
    except OSError as error:
        raise refusal("start the server of", folder, error) from error


class RunAs(TypedDict, total=False):
    """The arguments of subprocess that name a user."""

    user: int
    group: int
    extra_groups: list[int]


def run_as(account: pwd.struct_passwd | None) -> RunAs:
    """The arguments of subprocess that make a child run as `account`."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def last_lines(log: Path, since: int, lines_max: int = 6) -> str:
    """What was logged after byte `since`: its last errors, or its last lines if none."""
    try:
        with log.open("rb") as file:
            file.seek(since)
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    errors = [line for line in lines if "FATAL" in line or "PANIC" in line or "ERROR" in line]
    return "\n".join(f"    {line}" for line in (errors or lines)[-lines_max:])


class Patience:
    """Waits in small steps and says so every few seconds: silence would look like a hang."""

    def __init__(self, say: Say, why: str, first_seconds: float = 3.0) -> None:
        self.say, self.why = say, why
        self.started = time.monotonic()
        self.next_seconds = first_seconds

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def wait(self) -> None:
        time.sleep(0.02 if self.seconds < 1 else 0.1)
        if self.seconds >= self.next_seconds:
            self.say(f"{self.why} ({self.seconds:.0f} s)")
            self.next_seconds += 5

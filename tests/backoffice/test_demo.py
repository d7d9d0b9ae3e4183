"""The demo as a user meets it: started, looked at, interrupted, and left in the background."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from backoffice import embedded, supervisor
from backoffice.embedded import postgres, processes, valkey
from backoffice.embedded.places import PROJECT, Places
from backoffice.management.commands.demo import first_free
from tests.backoffice.conftest import copy_database
from tests.desk import WAIT_SECONDS_MAX, wait_until

# Another for every session that runs on the machine, and none that the system gives away by itself.
PORT = 10_000 + os.getpid() % 10_000  # apart from those of the desk in the browser
pytestmark = pytest.mark.usefixtures("filled")


@pytest.fixture(scope="module")
def migrated(template: Places) -> Iterator[Places]:
    """A data folder whose database has its tables: to make them takes longer than a start."""
    with tempfile.TemporaryDirectory(prefix="makewhole-test-") as folder:
        at = embedded.places(folder)
        copy_database(template, at)
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=PROJECT, env=environment(at), check=True)
        embedded.stop(at)
        yield at


@pytest.fixture
def filled(at: Places, migrated: Places) -> None:
    copy_database(migrated, at)


@pytest.fixture
def at(folder: Path) -> Iterator[Places]:
    at = embedded.places(folder / "data")
    yield at
    supervisor.stop(at)
    embedded.stop(at)


def environment(at: Places) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")}
    return {**kept, "MAKEWHOLE_DATA": str(at.data)}


def demo(at: Places, *words: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--without-drill", "--port", str(PORT), *words],
        cwd=PROJECT,
        env={**environment(at), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def stop(at: Places) -> str:
    """What was stopped; on a busy machine it says before that one took long."""
    return services(at, "stop").splitlines(keepends=True)[-1]


def services(at: Places, action: str) -> str:
    """What the command says in another terminal."""
    done = subprocess.run(
        [sys.executable, "manage.py", "services", action],
        cwd=PROJECT,
        env=environment(at),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def until(sign: str, command: subprocess.Popen[str]) -> str:
    """Reads until a line with `sign`; returns all that was said."""
    assert command.stdout is not None
    said = ""
    for line in command.stdout:
        said += line
        if sign in line:
            return said
    raise AssertionError(f"never said {sign!r}:\n{said}")


def ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz/ready", timeout=60) as answer:  # noqa: S310 - ours
            return bool(answer.status == 200)
    except OSError:
        return False


def address_in(said: str) -> str:
    return next(line for line in said.splitlines() if "desk at" in line).split()[-1]


def test_it_runs_until_it_is_interrupted_and_stops_everything(at: Places) -> None:
    with first_free(PORT) as taken:
        wanted = taken.getsockname()[1]
        command = demo(at, "--port", str(wanted))
        said = until("Ctrl-C stops everything", command)
    address = address_in(said)
    assert f"port {wanted} is taken; the desk takes {address.rpartition(':')[2]}\n" in said
    assert address != f"http://127.0.0.1:{wanted}"
    assert ready(address)
    ran = supervisor.running(at)
    assert set(ran) == {"web", "clock", "worker", "mail"}
    families = [process.pid for name in ran for process in ran[name].children(recursive=True)]

    command.send_signal(signal.SIGINT)
    rest, _ = command.communicate(timeout=WAIT_SECONDS_MAX)
    assert command.returncode == 0, rest
    assert "stopped; nothing is lost" in rest
    assert supervisor.running(at) == {}
    assert postgres.running(at) is None
    assert valkey.running(at) is None
    assert [pid for pid in families if processes.alive(pid)] == []


def test_it_stays_in_the_background_and_is_not_started_twice(at: Places) -> None:
    command = demo(at, "--detach")
    said, _ = command.communicate(timeout=WAIT_SECONDS_MAX)
    assert command.returncode == 0, said
    before = {name: process.pid for name, process in supervisor.running(at).items()}
    assert len(before) == 4

    again = demo(at)
    refused, _ = again.communicate(timeout=WAIT_SECONDS_MAX)
    assert again.returncode == 1
    assert f"a demo already runs in {at.data}" in refused
    assert address_in(said) in refused
    assert {name: each.pid for name, each in supervisor.running(at).items()} == before

    assert stop(at) == "stopped web, clock, worker, mail, Valkey, PostgreSQL\n"
    assert supervisor.running(at) == {}


def test_of_two_that_start_at_once_one_is_refused(at: Places) -> None:
    both = [demo(at, "--detach"), demo(at, "--detach")]
    said = [command.communicate(timeout=WAIT_SECONDS_MAX)[0] for command in both]
    assert sorted(command.returncode for command in both) == [0, 1], said
    refused = said[0] if both[0].returncode else said[1]
    assert "CommandError: a demo " in refused
    assert len(supervisor.running(at)) == 4
    assert stop(at) == "stopped web, clock, worker, mail, Valkey, PostgreSQL\n"


def test_a_broker_that_does_not_answer_is_told(at: Places) -> None:
    command = demo(at, REDIS_URL="redis://127.0.0.1:1/0")
    said, _ = command.communicate(timeout=WAIT_SECONDS_MAX)
    assert command.returncode == 1
    assert "CommandError: the broker of REDIS_URL does not answer: " in said
    assert supervisor.running(at) == {}


def test_it_ends_when_another_command_stops_it(at: Places) -> None:
    command = demo(at)
    until("Ctrl-C stops everything", command)
    # Whoever of the two comes first ends the servers.
    assert stop(at).startswith("stopped web, clock, worker, mail")
    rest, _ = command.communicate(timeout=WAIT_SECONDS_MAX)
    assert command.returncode == 0, rest
    assert "stopped by another command" in rest
    assert postgres.running(at) is None
    assert valkey.running(at) is None


def test_it_stops_everything_when_nobody_reads_any_more(at: Places) -> None:
    command = demo(at)
    until("Ctrl-C stops everything", command)
    assert command.stdout is not None
    command.stdout.close()
    command.send_signal(signal.SIGHUP)
    command.wait(timeout=WAIT_SECONDS_MAX)
    assert supervisor.running(at) == {}
    assert postgres.running(at) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "70000"], "'70000' is no port from 0 to 65535"),
        (["--port", "http"], "'http' is no port from 0 to 65535"),
        (["okex-2019"], "invalid choice: 'okex-2019' (choose from 'okex-2018')"),
        (["--", "okex-2018", "--accounts", "many"], "invalid int value: 'many'"),
    ],
)
def test_it_starts_nothing_for_words_it_does_not_know(
    at: Places, words: list[str], said: str
) -> None:
    command = demo(at, *words)
    refused, _ = command.communicate(timeout=WAIT_SECONDS_MAX)
    assert command.returncode != 0
    assert said in refused
    assert "Traceback" not in refused
    assert supervisor.running(at) == {}


@pytest.mark.parametrize("name", ["clock", "web"])
def test_it_ends_when_a_program_does_and_says_which(at: Places, name: str) -> None:
    command = demo(at)
    until("Ctrl-C stops everything", command)
    program = supervisor.running(at)[name]
    children = program.children(recursive=True)
    program.kill()
    rest, _ = command.communicate(timeout=WAIT_SECONDS_MAX)
    assert command.returncode == 1
    assert f"{name} ended by itself" in rest
    assert str(supervisor.log_of(at, name)) in rest
    assert supervisor.running(at) == {}
    assert [each.pid for each in children if processes.alive(each.pid)] == []
    assert postgres.running(at) is None


def test_killed_servers_come_back_under_a_running_desk(
    at: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEWHOLE_METRICS_TOKEN", "t" * 32)
    command = demo(at)
    address = address_in(until("Ctrl-C stops everything", command))
    for server in (postgres, valkey):
        process = server.running(at)
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
    killed = time.time()

    def metric(name: str) -> float:
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{address}/metrics", headers={"Authorization": "Bearer " + "t" * 32}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - ours
            lines = answer.read().decode().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(name)))

    def alive_again() -> bool:
        """A task went from the clock through the new broker to a worker, after the killing."""
        try:
            return metric("makewhole_heartbeat_seconds") < time.time() - killed - 1
        except OSError:
            return False

    while not alive_again():
        assert time.time() - killed < WAIT_SECONDS_MAX, "the desk did not come back"
        assert command.poll() is None, command.communicate()[0]
        time.sleep(0.5)
    command.send_signal(signal.SIGTERM)
    rest, _ = command.communicate(timeout=WAIT_SECONDS_MAX)
    assert command.returncode == 0, rest


def test_a_server_that_cannot_start_is_told_and_tried_again(at: Places) -> None:
    command = demo(at)
    address = address_in(until("Ctrl-C stops everything", command))
    # One that still starts ends when its servers do not, as it should; these have started.
    wait_until(lambda: " ready." in supervisor.log_of(at, "worker").read_text(), "the worker")
    wait_until(lambda: any(at.data.glob("clock*")), "the clock")
    version = at.postgres / "PG_VERSION"
    lost = version.read_text()
    version.unlink()
    process = postgres.running(at)
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    until("holds files but no database", command)
    assert len(supervisor.running(at)) == 4

    version.write_text(lost)
    version.chmod(0o644)
    until("was not stopped cleanly; it recovers now", command)
    wait_until(lambda: ready(address), "the desk to come back")
    command.send_signal(signal.SIGTERM)
    rest, _ = command.communicate(timeout=WAIT_SECONDS_MAX)
    assert command.returncode == 0, rest


def test_a_demo_that_was_killed_leaves_what_stop_finds(at: Places) -> None:
    command = demo(at)
    until("Ctrl-C stops everything", command)
    command.kill()
    command.wait()
    assert len(supervisor.running(at)) == 4
    assert supervisor.stop(at) == ["web", "clock", "worker", "mail"]


def test_what_a_killed_web_server_and_a_killed_demo_leave_is_found(at: Places) -> None:
    """By the next demo, which has their port again, and by whoever stops it all."""
    said, _ = demo(at, "--detach").communicate(timeout=WAIT_SECONDS_MAX)
    address = address_in(said)
    ran = supervisor.running(at)
    lost = kill_alone(ran["web"])
    assert ready(address)
    assert f"killed; it left pid {lost[0]}" in services(at, "status")

    command = demo(at)
    said = until("Ctrl-C stops everything", command)
    assert "stopped what a killed demo had left: web, clock, worker, mail" in said
    assert address_in(said) == address
    assert [pid for pid in [*lost, *(ran[name].pid for name in ran)] if processes.alive(pid)] == []

    command.kill()
    command.wait()
    lost = kill_alone(supervisor.running(at)["web"])
    assert stop(at) == "stopped web, clock, worker, mail, Valkey, PostgreSQL\n"
    assert [pid for pid in lost if processes.alive(pid)] == []


def kill_alone(program: psutil.Process) -> list[int]:
    """Kills it and returns its children, which live on."""
    left = [child.pid for child in program.children(recursive=True)]
    program.kill()
    wait_until(lambda: processes.alive(program.pid) is None, "it is gone")
    assert [processes.alive(pid) is None for pid in left] == [False] * len(left)
    assert left
    return left


def test_who_ignores_the_signal_is_killed_with_its_children(
    at: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    stubborn = "import signal,subprocess,time;signal.signal(15,signal.SIG_IGN);"
    stubborn += "print(subprocess.Popen(['sleep','600']).pid,flush=True);time.sleep(600)"
    monkeypatch.setitem(supervisor.SECONDS_MAX, "web", 0.5)
    supervisor.start(at, supervisor.Program("web", [sys.executable, "-c", stubborn]), {})
    log = supervisor.log_of(at, "web")
    while not log.read_text().strip():
        time.sleep(0.05)
    child = int(log.read_text())
    said: list[str] = []
    assert supervisor.stop(at, said.append) == ["web"]
    assert said == ["web did not end within 0 s and was killed"]
    wait_until(lambda: processes.alive(child) is None, "its child is gone")

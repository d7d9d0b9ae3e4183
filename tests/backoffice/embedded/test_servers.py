"""The embedded servers as every command meets them."""

import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from backoffice import embedded
from backoffice.embedded import postgres, processes, valkey
from backoffice.embedded.places import SOCKET_BYTES_MAX, Places
from tests.backoffice.embedded.at_work import ROOT, as_ordinary_user, keys, manage, pids, sql
from tests.desk import WAIT_SECONDS_MAX


class TestEveryDay:
    def test_found_again_and_kept(self, at: Places) -> None:
        embedded.ensure(at)
        before = pids(at)
        sql(at, "CREATE TABLE kept AS SELECT 42 AS answer")
        keys(at).set("kept", "42")
        embedded.ensure(at)
        assert pids(at) == before

        assert embedded.stop(at) == ["Valkey", "PostgreSQL"]
        assert postgres.running(at) is None
        assert valkey.running(at) is None
        assert embedded.stop(at) == []

        embedded.ensure(at)
        assert sql(at, "SELECT answer FROM kept") == [(42,)]
        assert keys(at).get("kept") == "42"

    @pytest.mark.usefixtures("filled")
    def test_only_the_owner_reaches_the_sockets(self, at: Places) -> None:
        embedded.ensure(at)
        assert stat.S_IMODE(at.run.stat().st_mode) == 0o700
        assert sql(at, "SHOW listen_addresses") == [("",)]
        assert keys(at).config_get("port") == {"port": "0"}

        def connect() -> None:
            with socket.socket(socket.AF_UNIX) as connection, pytest.raises(PermissionError):
                connection.connect(str(at.valkey_socket))

        if ROOT:
            assert as_ordinary_user(connect) == ""

    @pytest.mark.usefixtures("filled")
    def test_the_tuning_is_in_force(self, at: Places) -> None:
        embedded.ensure(at)
        for name, value in postgres.TUNING.items():
            assert sql(at, f"SHOW {name}") == [(value,)]
        assert sql(at, "SHOW fsync") == [("on",)]
        assert sql(at, "SHOW synchronous_commit") == [("on",)]

    def test_started_by_three_commands_at_once(self, at: Places) -> None:
        commands = [manage(at, "services", "start") for _ in range(3)]
        for command in commands:
            _, said = command.communicate(timeout=WAIT_SECONDS_MAX)
            assert command.returncode == 0, said
        assert len(processes.at_work("valkey-server", at.valkey)) == 1
        assert sql(at, "SELECT count(*) FROM pg_database WHERE datname = 'makewhole'") == [(1,)]

    @pytest.mark.usefixtures("filled")
    def test_they_outlive_the_command(self, at: Places) -> None:
        shown, said = manage(at, "services", "start").communicate(timeout=WAIT_SECONDS_MAX)
        assert shown.count("running") == 2, said
        before = pids(at)
        shown, _ = manage(at, "services", "status").communicate(timeout=WAIT_SECONDS_MAX)
        assert [str(pid) in shown for pid in before] == [True, True]
        shown, _ = manage(at, "services", "stop").communicate(timeout=WAIT_SECONDS_MAX)
        assert shown == "stopped Valkey, PostgreSQL\n"
        assert not processes.at_work("postgres", at.postgres)

    @pytest.mark.usefixtures("filled")
    def test_other_tools_are_told_where_they_are(self, at: Places) -> None:
        shown, said = manage(at, "services", "address").communicate(timeout=WAIT_SECONDS_MAX)
        script = (
            shown + '"$PGBIN/pg_dump" --schema-only "$DATABASE_URL" | grep "PostgreSQL database"'
        )
        found = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
        assert "PostgreSQL database dump complete" in found.stdout, said + found.stderr

    def test_none_when_the_environment_names_others(
        self, at: Places, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/makewhole")
        monkeypatch.setenv("REDIS_URL", "redis://broker.example/0")
        embedded.ensure(at)
        assert not at.data.exists()


class TestPlaces:
    def test_a_long_path_falls_back_to_a_short_socket_folder(self, folder: Path) -> None:
        at = embedded.places(folder / ("a" * 100))
        assert at.run.parent != at.data
        assert len(os.fsencode(f"{at.postgres_socket}.lock")) <= SOCKET_BYTES_MAX
        try:
            embedded.ensure(at)
            assert sql(at, "SELECT 1") == [(1,)]
            assert keys(at).ping()
            assert stat.S_IMODE(at.run.stat().st_mode) == 0o700
        finally:
            embedded.stop(at)
            shutil.rmtree(at.run)

    def test_a_path_with_blanks_and_signs(self, folder: Path) -> None:
        at = embedded.places(folder / "a b%20&ü?#")
        try:
            embedded.ensure(at)
            assert sql(at, "SELECT 1") == [(1,)]
            assert keys(at).ping()
        finally:
            embedded.stop(at)
            if at.run.parent != at.data:
                shutil.rmtree(at.run)

    @pytest.mark.usefixtures("filled")
    def test_a_link_leads_to_the_same_servers(self, at: Places, folder: Path) -> None:
        embedded.ensure(at)
        (folder / "link").symlink_to(at.data)
        assert embedded.places(folder / "link") == at

    def test_a_socket_folder_that_is_a_link_is_refused(self, at: Places, folder: Path) -> None:
        at.data.mkdir()
        (folder / "elsewhere").mkdir()
        at.run.parent.mkdir(exist_ok=True)
        at.run.symlink_to(folder / "elsewhere")
        with pytest.raises(embedded.EmbeddedError, match=f"{at.run} is a link"):
            embedded.ensure(at)
        at.run.unlink()

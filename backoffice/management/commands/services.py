"""`manage.py services start | stop | status | address`: what runs on this machine for the desk."""

import shlex
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backoffice import embedded, supervisor


class Command(BaseCommand):
    help = "Starts, stops or shows the embedded PostgreSQL and Valkey of the data folder."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own name and shape

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status", "address"])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, options["action"])()
        except embedded.EmbeddedError as error:
            raise CommandError(str(error)) from error

    def start(self) -> None:
        embedded.ensure()
        self.status()

    def stop(self) -> None:
        at = embedded.places()
        stopped = supervisor.stop(at, self.stdout.write) + embedded.stop(at)
        self.stdout.write(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")

    def address(self) -> None:
        """Lines for `eval` in a shell: the addresses and where pg_dump and psql are."""
        embedded.ensure()
        for name, value in embedded.addresses().items():
            self.stdout.write(f"export {name}={shlex.quote(value)}")

    def status(self) -> None:
        for name, state, where in embedded.status():
            self.stdout.write(f"{name:<11} {state:<22} {where}")
        at = embedded.places()
        for name, process in supervisor.running(at).items():
            state = f"running (pid {process.pid})"
            self.stdout.write(f"{name:<11} {state:<22} {supervisor.log_of(at, name)}")
        for name, orphans in supervisor.killed(at).items():
            left = ", ".join(str(process.pid) for process in orphans)
            state = f"killed; it left pid {left}" if left else "killed"
            self.stdout.write(f"{name:<11} {state:<22} {supervisor.log_of(at, name)}")

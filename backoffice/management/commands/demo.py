"""`manage.py demo`: the whole desk on this machine, with the rehearsal of 2018 in it.

Starts the mail catcher, a worker, the clock and the web server, runs the drill if this data folder
has not seen it yet, prints where the desk is and who may sign in, and waits. Ctrl-C stops all of
it, the embedded servers included; what was written stays, so the next start is quick.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import time
import urllib.request
from typing import Any, NoReturn
from urllib.error import HTTPError

from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis.exceptions import RedisError

from backoffice import companions, embedded, guardian, mailcatcher, supervisor
from backoffice.embedded import processes
from backoffice.embedded.locks import alone
from backoffice.embedded.places import PROJECT
from backoffice.management.arguments import PORTS, port
from backoffice.management.commands.drill import Command as Drill
from backoffice.models import Person
from backoffice.services import people
from exchange.models import Venue

HOST = "127.0.0.1"
SCENARIO = "okex-2018"
WEB_SECONDS_MAX = 300  # on a machine that is busy with something else four programs start slowly
SECONDS_BETWEEN_STARTS_MAX = 30
REMOVAL_SECONDS_MAX = 5.0  # from a program's end to its pid file's, by whoever stopped it


class StoppedByAnother(Exception):
    """Another command stopped our programs; the servers are not to be started again."""


class Command(BaseCommand):
    help = "Runs the desk with the 2018 rehearsal in it: catcher, worker, clock and web server."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=port, default=8000, help="the first one tried (8000)")
        parser.add_argument(
            "--detach", "--no-wait", action="store_true", dest="detach", help="leave it running"
        )
        parser.add_argument("--without-drill", action="store_true", help="play no incident")
        parser.add_argument("drill", nargs="*", help=f"arguments of drill ({SCENARIO}), after --")

    def handle(self, *args: Any, **options: Any) -> None:
        self.at = embedded.places()
        self.started: list[str] = []
        self.playing = False
        arguments = options["drill"] or [SCENARIO]
        Drill().create_parser("manage.py", "drill").parse_args(arguments)
        # Of two that start at once the second is refused: they would stop each other's servers.
        with alone(self.at.data / "demo.lock", busy=self.refuse):
            self.run(options, arguments)

    def run(self, options: dict[str, Any], arguments: list[str]) -> None:
        """Until it is interrupted or, detached, until everything runs."""
        self.clear_the_way()
        for by in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(by, _interrupt)
        try:
            self.bring_up(options, arguments)
            if options["detach"]:
                self.stdout.write("\n`manage.py services stop` (or `make services-stop`) ends it.")
                return
            self.stdout.write("\nCtrl-C stops everything.")
            self.watch_over_it()
        except StoppedByAnother:
            self.bring_down()
            self.tell("stopped by another command; nothing is lost, and the next start is quick.")
        except KeyboardInterrupt:
            self.bring_down()
            self.tell(
                "stopped; the drill was not over, and the next start plays it anew."
                if self.playing
                else "stopped; nothing is lost, and the next start is quick."
            )
        except BaseException:
            self.bring_down()
            raise

    def bring_up(self, options: dict[str, Any], arguments: list[str]) -> None:
        """All programs, the drill, the sign-ins, the address."""
        self.stdout.write(f"data folder {self.at.data}")
        with companions.one_at_a_time(self.tell):  # a drill makes the tables as well
            call_command("migrate", interactive=False, verbosity=0)
        try:
            cache.get("demo")
        except (RedisError, OSError) as error:
            raise CommandError(f"the broker of REDIS_URL does not answer: {error}") from error
        call_command("collectstatic", interactive=False, verbosity=0)
        with first_free(options["port"]) as found:
            free = found.getsockname()[1]
        if options["port"] not in (0, free):
            self.stdout.write(f"port {options['port']} is taken; the desk takes {free}")
        address = f"http://{HOST}:{free}"
        # What makes it a demo: plain HTTP, and mail caught unless a server for it is named.
        self.environment = {"MAKEWHOLE_HTTPS": "off", "MAKEWHOLE_PUBLIC_URL": address}
        if not os.environ.get("MAKEWHOLE_EMAIL_HOST"):
            self.catch_mail()
        for program in supervisor.worker(), supervisor.clock(self.at), supervisor.web(HOST, free):
            self.start(program)
        self.wait_until_ready(address)
        self.note(address=address)
        if options["without_drill"] or not self.drill(arguments):
            self.print_sign_ins()
        self.stdout.write(f"passkeys work at http://localhost:{free}: browsers make none for an IP")
        self.stdout.write("one-time codes of the staff: `.venv/bin/python manage.py code chen`")
        self.stdout.write(self.style.SUCCESS(f"\ndesk at {address}"))

    def catch_mail(self) -> None:
        """Starts the mail catcher on the first free port and lets every later program know it."""
        with first_free(settings.EMAIL_PORT) as listener:
            self.environment["MAKEWHOLE_EMAIL_HOST"] = HOST
            self.environment["MAKEWHOLE_EMAIL_PORT"] = str(listener.getsockname()[1])
            self.start(supervisor.mail(listener))

    def start(self, program: supervisor.Program) -> None:
        supervisor.start(self.at, program, self.environment)
        self.started.append(program.name)

    def drill(self, arguments: list[str]) -> bool:
        """Runs it as a command of its own, in the demo's environment, unless it already ran here.

        True if it ran; it has then printed the sign-ins itself. Raises CommandError when it fails.
        """
        if self.noted().get("drill") == arguments and Venue.objects.filter(is_drill=True).exists():
            self.stdout.write(f"the drill {' '.join(arguments)} already ran here and is kept")
            return False
        self.stdout.write(f"running the drill {' '.join(arguments)}")
        self.stdout.flush()
        self.playing = True
        began = time.monotonic()
        command = [sys.executable, "manage.py", "drill", *arguments]
        environment = {**os.environ, **self.environment}
        with guardian.running(command, cwd=PROJECT, env=environment) as drill:
            status = drill.wait()
        if status != 0:
            raise CommandError(f"the drill failed with status {status}; it says why above.")
        self.stdout.write(f"the drill took {time.monotonic() - began:.0f} s")
        self.note(drill=arguments)
        self.playing = False
        return True

    def print_sign_ins(self) -> None:
        """Everyone of the drill; their passwords are known and good for nothing else."""
        rows = Person.objects.filter(email__endswith=f"@{people.DOMAIN}", is_active=True)
        cast = list(rows.order_by("pk").prefetch_related("roles"))
        if not cast:
            return
        self.stdout.write("\nsign in as")
        for person in cast:
            handle = person.email.partition("@")[0]
            roles = ", ".join(role.get_name_display() for role in person.roles.all())
            self.stdout.write(
                f"  {roles or 'Customer':<18} {person.email:<40} {people.password_of(handle)}"
            )

    def wait_until_ready(self, address: str) -> None:
        """Until the desk is ready; CommandError with what is not, and its log, when it never is."""
        said = "it does not answer"
        patience = processes.Patience(self.tell, "waiting for the web server", first_seconds=10)
        while patience.seconds < WEB_SECONDS_MAX:
            self.check_all_live()
            try:
                with urllib.request.urlopen(f"{address}/healthz/ready", timeout=5) as answer:  # noqa: S310 - our own address
                    if answer.status == 200:
                        return
            except HTTPError as error:
                said = f"it says {error.read().decode(errors='replace')}"
            except OSError:
                pass
            patience.wait()
        raise CommandError(f"the desk is not ready, {said}: see {self.log_of('web')}.")

    def watch_over_it(self) -> NoReturn:
        """Starts an embedded server again that was killed; ends when a program of ours did.

        A server that cannot start, on a full disk say, is told and tried again: the rest lives on.
        """
        seconds = 1
        while True:
            time.sleep(seconds)
            self.check_all_live()
            try:
                embedded.ensure(self.at)
                seconds = 1
            except embedded.EmbeddedError as error:
                seconds = min(2 * seconds, SECONDS_BETWEEN_STARTS_MAX)
                self.stderr.write(f"{error}\ntried again in {seconds} s")

    def check_all_live(self) -> None:
        """CommandError, with the end of its log, when a program ended by itself.

        Raises StoppedByAnother when `services stop` ended it, which removes its pid file.
        """
        living = supervisor.running(self.at)
        for name in self.started:
            if name in living:
                continue
            file, began = self.at.pids / f"{name}.pid", time.monotonic()
            while time.monotonic() - began < REMOVAL_SECONDS_MAX:
                if not file.exists():
                    raise StoppedByAnother
                time.sleep(0.05)
            log = self.log_of(name)
            said = processes.last_lines(log, max(0, log.stat().st_size - 4000))
            raise CommandError(f"{name} ended by itself; {log} says:\n{said}")

    def bring_down(self) -> None:
        """Stops everything; a second Ctrl-C does not leave half of it running."""
        for by in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(by, signal.SIG_IGN)
        self.tell("\nstopping")
        supervisor.stop(self.at, self.tell)
        embedded.stop(self.at)

    def tell(self, line: str) -> None:
        """To whoever still reads: a terminal or a pipe that is closed keeps nothing running."""
        with contextlib.suppress(OSError):
            self.stdout.write(line)

    def clear_the_way(self) -> None:
        """Refuses while a demo runs here; one that has lost a program is ended instead."""
        living = supervisor.running(self.at)
        if supervisor.killed(self.at):
            if left := supervisor.stop(self.at, self.tell):
                self.tell(f"stopped what a killed demo had left: {', '.join(left)}")
        elif living:
            self.refuse()

    def refuse(self) -> NoReturn:
        living, address = ", ".join(supervisor.running(self.at)), self.noted().get("address")
        state = (
            f"already runs in {self.at.data} ({living})"
            if living
            else f"is starting in {self.at.data}"
        )
        where = f", at {address}" if living and address else ""
        raise CommandError(f"a demo {state}{where}: `manage.py services stop` ends it.")

    def log_of(self, name: str) -> Any:
        return supervisor.log_of(self.at, name)

    def noted(self) -> dict[str, Any]:
        try:
            found = json.loads((self.at.data / "demo.json").read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def note(self, **what: Any) -> None:
        (self.at.data / "demo.json").write_text(json.dumps({**self.noted(), **what}) + "\n")


def first_free(wanted: int) -> socket.socket:
    """A socket listening on the first free port from `wanted` on; CommandError after fifty."""
    ports = range(wanted, min(wanted + 50, PORTS.stop))
    for each in ports:
        with contextlib.suppress(OSError):
            return mailcatcher.listen(HOST, each)
    raise CommandError(f"ports {wanted} to {ports[-1]} are all taken: choose with --port.")


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt

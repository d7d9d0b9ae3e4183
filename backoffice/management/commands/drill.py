"""`manage.py drill okex-2018`: a whole incident, from market to goodwill, in one command.

Uses a worker and a mail server that are already running, and otherwise starts its own for as long
as it takes. Progress goes to the error stream. With --json all that is for people does, and the
output is one JSON object and nothing else, also where the drill fails.
"""

import json
import signal
import sys
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from backoffice import companions, embedded, rehearsal, rehearsal_report
from backoffice.services.refusals import Refused
from exchange.drill.refusals import DrillFailed, DrillRefused
from exchange.services.refusals import BooksRefused
from exchange.tape.problems import BundleRefused
from exchange.tape.store import StoreUnwritable

SCENARIOS = ("okex-2018",)


class TablesMissing(RuntimeError):
    """Somebody else's database has not been migrated."""


# What is told in one line; anything else is a defect and shows where.
FAILURES = (
    Refused,
    BooksRefused,
    BundleRefused,
    StoreUnwritable,
    DrillFailed,
    DrillRefused,
    rehearsal.RehearsalFailed,
    companions.CompanionFailed,
    TablesMissing,
)
INTERRUPTED = (
    "interrupted. What was played so far stays as it is; the next drill plays anew, in books of "
    "its own."
)


class Bars:
    """Progress bars, one a stage; plain lines where the error stream is no terminal."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.bars = Progress(
            TextColumn("{task.description:<34}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
            disable=not sys.stderr.isatty(),
        )
        self.tasks: dict[str, Any] = {}

    def __call__(self, label: str, done: int, total: int) -> None:
        if label not in self.tasks:
            self.tasks[label] = self.bars.add_task(label, total=total)
        self.bars.update(self.tasks[label], completed=done, total=total)

    def tell(self, line: str) -> None:
        # Not folded at a terminal's width: a digest or a name in two pieces is found by nobody.
        self.console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)


class Command(BaseCommand):
    help = "Plays a whole incident: market, investigation, rollback, notices, messages, goodwill."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scenario", choices=SCENARIOS)
        parser.add_argument("--accounts", type=int, default=2000, help="customers (2000)")
        parser.add_argument("--fills", type=int, default=50_000, help="rows (50000)")
        parser.add_argument("--seed", type=int, default=2018, help="of chance (2018)")
        parser.add_argument("--json", action="store_true", help="print one JSON object only")

    def handle(self, *args: Any, **options: Any) -> None:
        for by in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(by, signal.default_int_handler)
        bars = Bars()
        run = rehearsal.Rehearsal(
            scenario=options["scenario"],
            accounts=options["accounts"],
            fills=options["fills"],
            seed=options["seed"],
            progress=bars,
            tell=bars.tell,
        )
        try:
            with companions.one_at_a_time(bars.tell) as turn:
                self.prepare()
                with (
                    bars.bars,
                    companions.mail(bars.tell, turn),
                    companions.worker(bars.tell, turn),
                ):
                    outcome = run.run()
                    report = rehearsal_report.of(outcome)
        except FAILURES as error:
            self.answer({"detail": str(error)}, **options)
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.answer({"detail": INTERRUPTED}, **options)
            raise CommandError(INTERRUPTED, returncode=130) from None
        people = self.stderr if options["json"] else self.stdout
        people.style_func = None  # none of it is an error
        people.write(rehearsal_report.page(outcome, report))
        self.print_sign_ins(outcome, people)
        self.answer(report, **options)

    def answer(self, report: dict[str, Any], **options: Any) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(report))

    def prepare(self) -> None:
        """Tables in our own database; in somebody else's it is for them to make them."""
        executor = MigrationExecutor(connection)
        if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return
        if not embedded.wanted()[0]:
            raise TablesMissing("the database lacks tables: run `manage.py migrate` first.")
        call_command("migrate", interactive=False, verbosity=0)

    def print_sign_ins(self, outcome: rehearsal.Outcome, to: OutputWrapper) -> None:
        """Who may sign in; the passwords are the drill's and good for nothing else."""
        to.write("\nsign in as")
        for person in outcome.sign_ins:
            secret = f"  authenticator secret {person.secret}" if person.secret else ""
            to.write(f"  {person.role:<18} {person.email:<40} {person.password:<26}{secret}")

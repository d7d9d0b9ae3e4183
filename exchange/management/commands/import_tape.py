"""`manage.py import_tape`: a real venue's files, compared with the venue's own numbers, and kept.

Prints counts, gaps and the reconciliation; with --json one JSON object and nothing else, also where
a file is refused. The fills or transfers of an account are kept as a tape and its books opened, so
that it has its page like any other; importing the same files again finds them standing. A file that
cannot be read names its row and field, and nothing is kept.
"""

import hashlib
import json
import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchange.management import schema
from exchange.progress import bars
from exchange.services import tapes
from exchange.services.refusals import BooksRefused
from exchange.tape import venues
from exchange.tape.problems import BundleRefused
from exchange.tape.store import StoreUnwritable
from exchange.tape.venues.bundling import VenueBook
from exchange.tape.venues.row import VenueRefused

DIGEST_SHOWN = 8
ACCOUNT_MOST = 64
FIRST = {"first_holes": "hole before", "first_differing": "differs"}


class Command(BaseCommand):
    help = "Import files of a real venue and reconcile them with the venue's own numbers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", required=True, choices=sorted(venues.FORMATS))
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--json", action="store_true", help="print one JSON object only")
        parser.add_argument(
            "--account", default="", help="code of the account, if no file names it"
        )
        parser.add_argument("--dry-run", action="store_true", help="compare only, keep nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = self._imported(**options)
        except (VenueRefused, BundleRefused, StoreUnwritable, BooksRefused) as fault:
            if options["json"]:
                place = {name: getattr(fault, name, None) for name in ("file", "row", "field")}
                self.stdout.write(json.dumps({"detail": str(fault)} | place))
            raise CommandError(str(fault)) from fault
        if options["json"]:
            self.stdout.write(json.dumps(report))
        else:
            self._print(report)

    def _imported(self, **options: Any) -> dict[str, Any]:
        """Read, compare and keep the files; the report."""
        paths: list[Path] = options["files"]
        account = options["account"].strip() or _account(paths)
        if len(account) > ACCOUNT_MOST or not account.isprintable():
            raise BooksRefused(
                f"--account must be a code of at most {ACCOUNT_MOST} characters that can be shown."
            )
        outcome = venues.run(options["format"], paths, account)
        if outcome.book is None or options["dry_run"]:
            return outcome.report
        return outcome.report | self._keep(outcome.book, f"{options['format']}-{account}")

    def _keep(self, book: VenueBook, name: str) -> dict[str, Any]:
        """Store the tape; open the books of one that has fills or transfers."""
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
        with bars() as progress:
            tape = venues.store(book, slug, progress)
            if not book.fills and not book.transfers:
                return {"tape_digest": tape.digest}
            code = f"{slug}-{tape.digest[:DIGEST_SHOWN]}"
            schema.ready()
            tapes.keep(tape=tape, venue=code, name=f"{book.title}: {name}"[:120], progress=progress)
        return {"tape_digest": tape.digest, "venue": code}

    def _print(self, report: dict[str, Any]) -> None:
        """The report for people: one line a number."""
        for key, value in report.items():
            if key not in FIRST:
                self.stdout.write(f"{key}: {_words(value)}")
        for key, word in FIRST.items():
            for row in report.get(key, []):
                self.stdout.write(f"  {word}: {_words(row)}")


def _words(value: Any) -> str:
    """A value of the report; of several, each after its name."""
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(
        f"{name} ({_words(part)})" if isinstance(part, dict) else f"{name} {part}"
        for name, part in value.items()
    )


def _account(paths: list[Path]) -> str:
    """A code for the account of files that do not name it: the same names, the same account."""
    names = ",".join(sorted(path.name for path in paths))
    return f"imported-{hashlib.sha256(names.encode()).hexdigest()[:10]}"

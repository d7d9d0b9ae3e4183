"""`manage.py import_bundle`: check a bundle whole, store its tape, open its books.

Progress goes to the error stream; with --json the last line of the output is one JSON object. A
bundle with anything wrong prints every problem and changes nothing. Importing the same bundle
again finds the books standing.
"""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchange.management import schema
from exchange.progress import bars
from exchange.services import tapes
from exchange.services.refusals import BooksRefused
from exchange.tape import bundle, store


class Command(BaseCommand):
    help = "Import a bundle (a folder or a .zip, see docs/formats/bundle.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH")
        parser.add_argument("--venue", default="", help="code of the venue, else the bundle's name")
        parser.add_argument("--store-only", action="store_true", help="open no books")
        parser.add_argument("--json", action="store_true", help="print one JSON object last")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with bars() as progress:
                tape = bundle.read(options["path"], progress)
                report: dict[str, Any] = {
                    "tape_digest": tape.digest,
                    "accounts": len(tape.accounts.code),
                    "contracts": len(tape.specs),
                    "fills": len(tape.fills.seq),
                }
                if not options["store_only"]:
                    code = options["venue"] or tape.manifest["name"]
                    schema.ready()
                    kept = tapes.keep(
                        tape=tape, venue=code, name=tape.manifest["venue"], progress=progress
                    )
                    report |= {"venue": code, "opened": kept.opened}
        except bundle.BundleRefused as refused:
            self._refuse(refused, as_json=options["json"])
        except (store.StoreUnwritable, BooksRefused) as fault:
            raise CommandError(str(fault)) from fault
        else:
            for key, value in report.items():
                self.stdout.write(f"{key}: {value}")
            if options["json"]:
                self.stdout.write(json.dumps(report))

    def _refuse(self, refused: bundle.BundleRefused, *, as_json: bool) -> None:
        """Print the problems for machines where asked, and fail with them for people."""
        if as_json:
            problems = [problem._asdict() for problem in refused.problems]
            self.stdout.write(json.dumps({"problems": problems, "counts": refused.counts}))
        raise CommandError(str(refused)) from refused

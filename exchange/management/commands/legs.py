"""`legs export KEY FOLDER` writes a sealed batch as CSV; `legs check FOLDER` derives its digests.

Checking needs no database: an auditor runs it over the files alone.
"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange.models import Batch
from exchange.services import evidence
from exchange.services.refusals import BooksRefused
from exchange.services.stage_tables import Digests


class Command(BaseCommand):
    help = "Writes the legs of a sealed plan as CSV, or checks such files against their digests."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        out = verbs.add_parser("export", help="write a batch's legs and what they assume")
        out.add_argument("key", help="the batch's key")
        out.add_argument("folder", type=Path)
        verbs.add_parser("check", help="derive the digests of a folder again").add_argument(
            "folder", type=Path
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["verb"] == "export":
                batch = Batch.objects.get(key=options["key"])
                digests = evidence.export(batch, options["folder"])
                self._say(digests)
                return
            claimed, found = evidence.recompute(options["folder"])
        except Batch.DoesNotExist:
            raise CommandError(f"There is no batch {options['key']}.") from None
        except (BooksRefused, evidence.EvidenceRefused, OSError) as error:
            raise CommandError(str(error)) from error
        self._say(found)
        wrong = [name for name in found._fields if getattr(found, name) != getattr(claimed, name)]
        if wrong:
            raise CommandError(f"Not what was sealed: {', '.join(wrong)}.")
        self.stdout.write("The files are what was sealed.")

    def _say(self, digests: Digests) -> None:
        for name, value in digests._asdict().items():
            self.stdout.write(f"{name:14s} {value}")

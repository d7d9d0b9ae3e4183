"""`approvals export PLAN FOLDER` writes a plan's decisions; `approvals check FOLDER` verifies them.

Checking needs no database: an auditor runs it over the files alone, years later.
"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backoffice import digest_words
from backoffice.models import Plan
from backoffice.services import approval_files, quorums
from backoffice.services.approval_files import Found, spoken
from backoffice.services.refusals import Refused


class Command(BaseCommand):
    help = "Writes the decisions on a plan with their proofs, or verifies such files."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own name and shape

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        out = verbs.add_parser("export", help="write a plan's manifest and decisions")
        out.add_argument("plan", type=int, help="the plan's number")
        out.add_argument("folder", type=Path)
        verify = verbs.add_parser("check", help="verify a folder without a database")
        verify.add_argument("folder", type=Path)
        verify.add_argument(
            "--signed", action="store_true", help="fail unless signatures alone meet the quorum"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder = options["folder"]
        try:
            if options["verb"] == "export":
                approval_files.export(Plan.objects.get(pk=options["plan"]), folder)
            report = approval_files.check(folder)
        except Plan.DoesNotExist:
            raise CommandError(f"There is no plan {options['plan']}.") from None
        except (Refused, approval_files.NoExport, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"plan {report.plan}, digest {report.digest}")
        self.stdout.write(f"  {' '.join(digest_words.words(report.digest))}")
        for found in report.found:
            self._say(found)
        self.stdout.write(
            f"quorum {spoken(report.quorum)}; approved by {spoken(report.given)}, "
            f"of them by signature {spoken(report.signed)}"
        )
        if report.wrong:
            raise CommandError("It does not hold: " + "; ".join(report.wrong) + ".")
        missing = quorums.missing(report.quorum, report.signed)
        if options.get("signed") and missing:
            raise CommandError(
                f"By signature alone the quorum is not met: {spoken(missing)} missing."
            )
        self.stdout.write("Everything that can be checked holds.")

    def _say(self, found: Found) -> None:
        how = "a code, on the desk's word"
        if found.key:
            how = f"a passkey ({' '.join(digest_words.words(found.key)[:4])}, {found.key})"
        self.stdout.write(f"{found.officer}, {found.role}: {found.decision} by {how}")

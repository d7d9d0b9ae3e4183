"""`manage.py audit`: recompute the audit chain from its first event, and say whether it holds."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.services import audit


class Command(BaseCommand):
    help = "Checks every link of the audit chain; fails, naming the event, where it is broken."

    def handle(self, *args: Any, **options: Any) -> None:
        report = audit.verify()
        if not report.ok:
            raise CommandError(f"the chain is broken at event {report.broken}: {report.reason}.")
        self.stdout.write(f"{report.events:,} events, every link holds")

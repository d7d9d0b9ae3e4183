"""`manage.py simulate okex-2018`: an incident bundle from the drill market, of any size.

The folder it writes is read by `import_bundle`. The same arguments give the same bytes.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchange import drill
from exchange.drill import scenarios
from exchange.drill.refusals import DrillFailed, DrillRefused
from exchange.progress import bars


class Command(BaseCommand):
    help = "Play a simulated market and write its tape as a bundle folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("scenario", choices=sorted(scenarios.MODULES))
        parser.add_argument("--accounts", type=int, default=2_000, help="customer accounts")
        parser.add_argument("--fills", type=int, default=50_000, help="fill rows, two a trade")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--out", type=Path, required=True, help="folder of the bundle")

    def handle(self, *args: Any, **options: Any) -> None:
        size = {name: options[name] for name in ("accounts", "fills", "seed", "out")}
        try:
            with bars() as progress:
                out = drill.generate(options["scenario"], **size, progress=progress)
        except (DrillRefused, DrillFailed, OSError) as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(f"{options['accounts']} accounts, {options['fills']} fill rows: {out}")

"""`manage.py margin '<json>'`: the margin calculator on the command line.

Prints the quote as JSON. A request that cannot be answered ends with one sentence naming the
field, and exit code 2. Needs no server and no database.
"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange.domain.margin_quote import QuoteRefused, parse, quote
from exchange.domain.rules import margin_rules, names

REFUSED = 2


class Command(BaseCommand):
    help = "Prints liquidation price, bankruptcy price, margins and the sum behind them as JSON."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own name and shape
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("request", nargs="?", help="the request, a JSON object")
        parser.add_argument("--list", action="store_true", help="list the rule sets and end")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            width = max(map(len, names()))
            for name in names():
                rules = margin_rules(name)
                self.stdout.write(f"{name:<{width}} {rules.title} (version {rules.version})")
            return
        if options["request"] is None:
            raise CommandError("Give the request as one JSON object.", returncode=REFUSED)
        try:
            answer = quote(parse(options["request"]))
        except QuoteRefused as problem:
            raise CommandError(problem.sentence, returncode=REFUSED) from None
        self.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False))

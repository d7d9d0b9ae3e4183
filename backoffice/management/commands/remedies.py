"""`manage.py remedies INCIDENT [--json]`: remedies side by side, computed now, nothing stored.

With --json the output is one JSON object and nothing else, also where it is refused.
"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice import figures
from backoffice.models import Incident
from backoffice.services import canonical, comparisons, remedies
from exchange.domain.remedies.catalogue import REMEDIES, Step


class Command(BaseCommand):
    """Compute the remedies of an incident from its tape, as a comparison does."""

    help = "Compute every remedy of an incident side by side. Nothing is stored or posted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("incident", help="the incident's address (slug), or 'latest'")
        parser.add_argument("--json", action="store_true", help="everything, as JSON")
        parser.add_argument(
            "--remedy",
            action="append",
            metavar="NAME[:FIELD=WORD,...][+NAME...]",
            help="only this one; several with + are done one after the other. May be repeated.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.compare(**options)
        except CommandError as error:
            if options["json"]:
                self.stdout.write(json.dumps({"detail": str(error)}))
            raise

    def compare(self, **options: Any) -> None:
        """Print them. Raises CommandError."""
        incident = self.incident(options["incident"])
        asked = [scenario(text) for text in options["remedy"] or []] or comparisons.SCENARIOS
        try:
            past = remedies.freeze(incident, incident.effective_cutoff, self.progress)
        except remedies.REFUSALS as error:
            raise CommandError(f"The remedies cannot be computed: {error}.") from error
        found = [row(past, one) for one in comparisons.compute(past, asked, self.progress)]
        if options["json"]:
            report = {
                "incident": incident.slug,
                "inputs": remedies.inputs(incident),
                "remedies": found,
            }
            self.stdout.write(json.dumps(report, indent=2))
        else:
            self.table(found, dict(zip(past.tape.assets.code, past.tape.assets.decimals.tolist(),
                                       strict=True)))  # fmt: skip

    def incident(self, slug: str) -> Incident:
        """The incident of that address, or the newest."""
        rows = Incident.objects.select_related("tape", "venue", "contract").order_by("-pk")
        found = rows.first() if slug == "latest" else rows.filter(slug=slug).first()
        if found is None:
            known = ", ".join(rows.values_list("slug", flat=True)[:10]) or "none"
            raise CommandError(f"There is no incident {slug}. There are: {known}.")
        return found

    def progress(self, stage: str, done: int, total: int) -> None:
        """Say on standard error what is being computed, where somebody watches."""
        if sys.stderr.isatty():
            self.stderr.write(f"{stage}: {done} of {total}", ending="\r")

    def table(self, found: Sequence[dict[str, Any]], decimals: dict[str, int]) -> None:
        """One line a remedy and asset."""
        head = f"{'remedy':26}{'asset':6}{'gain':>7}{'lose':>7}{'gained':>18}{'lost':>18}"
        self.stdout.write(
            f"{head}{'house cost':>18}{'fund after':>18}{'negative':>9}{'again':>7}  digest"
        )
        for one in found:
            if one["refusal"]:
                self.stdout.write(f"{one['remedy']:26}refused: {one['refusal']}")
            for code, of in one.get("by_asset", {}).items():
                money = [
                    str(figures.amount(int(of[name]), decimals[code]))
                    for name in ("gained", "lost", "house_cost", "fund_after")
                ]
                self.stdout.write(
                    f"{one['remedy']:26}{code:6}{of['gainers']:>7}{of['losers']:>7}"
                    f"{money[0]:>18}{money[1]:>18}{money[2]:>18}{money[3]:>18}"
                    f"{of['negative_customers']:>9}{of['reliquidated']:>7}  {one['digest'][:12]}"
                )


def scenario(text: str) -> tuple[Step, ...]:
    """`bust:band=0.05,follow=no+socialise` as steps. Raises CommandError."""
    steps = []
    for part in text.split("+"):
        name, _, rest = part.partition(":")
        words = dict(word.partition("=")[::2] for word in rest.split(",") if word)
        if name not in REMEDIES or not all(words):
            raise CommandError(
                f"{part!r} is no remedy: write NAME or NAME:FIELD=WORD,FIELD=WORD with one of"
                f" {', '.join(REMEDIES)}."
            )
        steps.append(Step(name, words))
    return tuple(steps)


def row(past: remedies.Past, one: comparisons.Computed) -> dict[str, Any]:
    """One scenario of the report; amounts in minor units."""
    name = "+".join(step.remedy for step in one.steps)
    words = [{"remedy": step.remedy, **step.parameters} for step in one.steps]
    found: dict[str, Any] = {"remedy": name, "steps": words, "refusal": one.refusal, "digest": ""}
    if one.made is None:
        return found
    parameters, manifest = comparisons.described(past, one)
    assets = one.summary["by_asset"].items()
    return {
        **found,
        "parameters": parameters,
        "digest": canonical.digest(manifest),
        "house_cost": {code: of["house_cost"] for code, of in assets},
        "fund_after": {code: of["fund_after"] for code, of in assets},
        "recoverable": {code: of["leak"]["recoverable"] for code, of in assets},
        "cohorts": {code: of["cohorts"] for code, of in assets},
        **one.summary,
    }

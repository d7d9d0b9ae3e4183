"""The scenario a plan was chosen as: whether it is still the same, by digest, or what differs."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.models import Plan, Scenario
from backoffice.queries import comparisons as queries
from exchange.domain.remedies.catalogue import REMEDIES

PARTS: tuple[tuple[tuple[str, ...], str | Promise], ...] = (
    (("inputs", "tape"), _("the tape")),
    (("inputs", "state_at_end"), _("the state at the tape's end")),
    (("inputs", "rules"), _("the rules")),
    (("quorum",), _("the quorum")),
    (("gates",), _("the gates it needs")),
    (("content", "cash"), _("the cash legs")),
    (("content", "positions"), _("the position legs")),
    (("content", "effects"), _("balances before, or changes")),
)


class Origin(NamedTuple):
    """What was compared under the same parameters. `number` counts from 1; `differs` names what
    the two digests were taken over and is not the same, nothing when they are equal."""

    scenario: Scenario
    number: int
    equal: bool
    differs: list[str | Promise]


def origin(plan: Plan) -> Origin | None:
    """The scenario behind a plan; None where none was compared with its parameters; one
    statement."""
    found = queries.behind(plan)
    if found is None:
        return None
    return Origin(
        found,
        found.number + 1,
        found.digest == plan.digest,
        [label for path, label in PARTS if _at(found.manifest, path) != _at(plan.manifest, path)],
    )


def compared(plan: Plan) -> bool:
    """Whether the plan is of a kind that comparisons compare: no goodwill, no undoing."""
    return plan.remedy in REMEDIES


def _at(manifest: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = manifest
    for name in path:
        found = found.get(name, {})
    return found

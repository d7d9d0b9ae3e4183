"""What a plan's pages say of the books: which gates it needs, whether it is posted, what undoes it.

Whether it is posted is asked of the books themselves, so that the answer after a crash is the same
as before it.
"""

from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.models import Gate, Plan
from backoffice.services import gates, staleness, undo
from exchange.models import Batch
from exchange.queries.batches import Standing, standing


class Needed(NamedTuple):
    """A gate a plan needs: `state` and `tone` are those of its badge, empty for a plan that is past
    it; `note` says since when it does not hold."""

    label: str | Promise
    state: str = ""
    tone: str = ""
    note: str = ""


class Verdict(NamedTuple):
    """Whether a plan is in the books, in one sentence and with what shows it."""

    tone: str
    title: str | Promise
    shown_by: str


def needed(plan: Plan) -> list[Needed]:
    """The gates the plan needs, each with whether it holds while that matters; one statement."""
    named = plan.manifest.get("gates", {})
    labels = {
        (Gate.Kind.MARKET, symbol): _("Trading of %s") % symbol
        for symbol in named.get("market", [])
    }
    if named.get("withdrawals"):
        labels[Gate.Kind.WITHDRAWALS, None] = _("Withdrawals")
    if plan.state not in staleness.OPEN:
        return [Needed(label) for label in labels.values()]
    wanting = {(gate.kind, gate.symbol): gate for gate in gates.wanting(plan)}
    return [_gate(label, wanting.get(key)) for key, label in labels.items()]


def _gate(label: str, wanting: gates.Wanting | None) -> Needed:
    if wanting is None:
        return Needed(label, "gate_closed", "good")
    if wanting.opened_at is None:
        return Needed(label, "gate_open", "warn", _("to be closed before it is executed"))
    at = f"{wanting.opened_at:%Y-%m-%d %H:%M:%S}"
    note = _("opened at %s UTC, after the plan was computed") % at
    return Needed(label, "gate_open", "bad", note)


def verdict(plan: Plan) -> Verdict:
    """Which is it: nothing was posted, or all of it, and what in the books says so; one
    statement."""
    if plan.batch_id is None:
        return Verdict("info", _("Nothing was posted."), _("It has no legs yet."))
    found = standing(plan.batch_id)
    if found.whole:
        at = f"{found.recorded_at:%Y-%m-%d %H:%M:%S}"
        return Verdict("good", _("Wholly posted at %s UTC.") % at, _whole(found))
    if found.absent:
        return Verdict("info", _("Nothing was posted."), _absent(found))
    return Verdict(
        "bad",
        _("The books contradict themselves: call the engineers."),
        _("Batch %(state)s, journal %(journal)s, %(attached)s of 2 tables in the ledger.")
        % {"state": found.state, "journal": found.journal, "attached": found.attached},
    )


def _whole(found: Standing) -> str:
    words = _(
        "Its batch is posted, journal %s records it, and both tables of its legs are partitions"
        " of the ledger."
    )
    return words % found.journal


def _absent(found: Standing) -> str:
    if found.state == Batch.State.DISCARDED:
        return _("Its batch was discarded; no journal records it and its legs were dropped.")
    return _(
        "Its batch waits sealed; no journal records it and its legs are in tables of their own,"
        " outside the ledger."
    )


UNDO_HELP = gettext_lazy(
    "A new plan with the opposite of every leg is computed. It is approved and executed like any"
    " other; nothing is moved before."
)


def undoing(plan: Plan, *, may: bool) -> dict[str, Any]:
    """What a plan's page says of being undone: by what, whether that can be asked for; at most one
    statement."""
    by = undo.undoing(plan) if plan.state == Plan.State.RECONCILED else None
    open_to = plan.state == Plan.State.RECONCILED and plan.remedy != Plan.Remedy.UNDO
    return {
        "undone_by": by,
        "may_undo": may and open_to and by is None,
        "undo_help": UNDO_HELP,
    }

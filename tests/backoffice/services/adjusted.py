"""Plans on a market whose fills are known, executed: what the feed and the webhooks tell of.

Fills of the market by `seq`: 1, 2 Hal buys 3 of Mo at 6,500.00; 3, 4 the fund takes over Ann's 10
at 6,400.50; 5, 6 it sells them to Mo at 6,300.25.
"""

from collections.abc import Mapping
from datetime import datetime

from backoffice.models import Plan
from backoffice.services import people, remedies
from backoffice.services import undo as services
from exchange.domain.remedies.catalogue import Step
from tests.backoffice.views.market import Market

FIRST = datetime.fromisoformat("2018-03-30T05:00:00+08:00")


def computed(
    market: Market,
    remedy: str,
    cutoff: datetime | None = None,
    words: Mapping[str, str] | None = None,
    *then: Step,
) -> Plan:
    """A computed plan of Mira's."""
    return remedies.compute_remedy(
        incident=market.incident, by=people.cast_member("mira"), cutoff=cutoff,
        steps=(Step(remedy, words or {}), *then),
    )  # fmt: skip


def undo(plan: Plan) -> Plan:
    """A computed plan that takes back a reconciled one."""
    return services.compute_undo(plan=plan, by=people.cast_member("mira"), reason="it was wrong")

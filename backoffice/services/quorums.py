"""Who must agree to a remedy: how many officers of which role.

A quorum is role to count. Putting the market back takes two risk officers; what spends the house's
money takes finance too (a reinstatement does: the house is on the other side of a position that
lost), and what takes from customers finance and legal. The database holds the
same table and refuses a plan whose quorum is less (`remedy_quorum`, `plan_guard`).
"""

from collections.abc import Mapping

from backoffice.models import Plan, Role

Quorum = dict[str, int]
RISK, FINANCE, LEGAL = Role.Name.RISK.value, Role.Name.FINANCE.value, Role.Name.LEGAL.value
DECIDING = (RISK, FINANCE, LEGAL)
ANY = "any"
BREAK_GLASS: Quorum = {ANY: 2}
_RISK_ONLY = {RISK: 2}
_SPENDS = {RISK: 1, FINANCE: 1}
_TAKES = {RISK: 1, FINANCE: 1, LEGAL: 1}
BY_REMEDY: dict[str, Quorum] = {
    Plan.Remedy.ROLLBACK: _RISK_ONLY,
    Plan.Remedy.BUST: _RISK_ONLY,
    Plan.Remedy.REPRICE: _RISK_ONLY,
    Plan.Remedy.RESTORE: _SPENDS,
    Plan.Remedy.REFERENCE: _SPENDS,
    Plan.Remedy.REINSTATE: _SPENDS,
    Plan.Remedy.SETTLE: _TAKES,
    Plan.Remedy.SOCIALISE: _TAKES,
    Plan.Remedy.GOODWILL: _SPENDS,
    Plan.Remedy.UNDO: _RISK_ONLY,
}


def of(*remedies: str) -> Quorum:
    """The quorum of a plan with these remedies: of each role as many as the strictest wants."""
    wanted = [BY_REMEDY[remedy] for remedy in remedies]
    return {
        role: most
        for role in DECIDING
        if (most := max((quorum.get(role, 0) for quorum in wanted), default=0))
    }


def missing(wanted: Mapping[str, int], given: Mapping[str, int]) -> Quorum:
    """What of `wanted` is not in `given`, by role; empty when nothing is missing."""
    return {
        role: count - given.get(role, 0)
        for role, count in wanted.items()
        if count > given.get(role, 0)
    }

"""Which customers of a drill get a sign-in: picked by what happened to them, never by name."""

from backoffice.models import Incident, Plan, PlanEffect
from exchange.models import Asset, Customer, Liquidation

WRONG = (Liquidation.Verdict.DUE_PRINTED_ONLY, Liquidation.Verdict.NOT_DUE)


def customers(*, incident: Incident, plan: Plan) -> list[tuple[str, Customer]]:
    """(handle, customer): wrongly liquidated, winner who moved gains out, hedger; at most three.

    Three statements. Nobody twice; a drill without such a person has one customer fewer.
    """
    effects = PlanEffect.objects.filter(plan=plan, account__customer__isnull=False)
    chosen: list[tuple[str, int]] = []
    wrong = (
        Liquidation.objects.filter(
            tape=incident.tape, verdict__in=WRONG, account__customer__isnull=False
        )
        .order_by("-loss", "account__tape_index")
        .values_list("account__customer", flat=True)
    )
    winner = (
        effects.filter(moved_out__gt=0, asset=incident.contract.settle)
        .order_by("-moved_out", "account__tape_index")
        .values_list("account__customer", flat=True)
    )
    hedger = (
        effects.filter(account__tags__contains="hedger")
        .order_by("-positions_changed", "account__tape_index")
        .values_list("account__customer", flat=True)
    )
    for handle, rows in (("liquidated", wrong), ("winner", winner), ("hedger", hedger)):
        taken = [customer for _, customer in chosen]
        if (found := rows.exclude(account__customer__in=taken).first()) is not None:
            chosen.append((handle, found))
    people = Customer.objects.in_bulk([customer for _, customer in chosen])
    return [(handle, people[customer]) for handle, customer in chosen]


def has_verified_loss(incident: Incident, asset: Asset) -> bool:
    """Whether anyone lost something to a close that a fair price would not have caused."""
    return Liquidation.objects.filter(
        tape=incident.tape,
        verdict__in=WRONG,
        loss__gt=0,
        contract__settle=asset,
        account__customer__isnull=False,
    ).exists()

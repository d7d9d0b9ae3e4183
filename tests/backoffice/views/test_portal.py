"""A customer's own pages: exact figures of their own, and nothing of anyone else's."""

import pytest
from django.urls import reverse

from backoffice.models import Person
from exchange.models import Liquidation
from tests.backoffice.services import remedy
from tests.backoffice.services.conftest import (
    BTC,
    START,
    World,
    close_gates,
    compute,
    execute,
    executed,
)
from tests.backoffice.views.conftest import WHO, matrix, signed_in
from tests.backoffice.views.reading import cells, csv, text
from tests.backoffice.views.test_plan_tables import lending


@pytest.fixture
def paid(world: World) -> World:
    """0.1 and 0.2 BTC of goodwill are paid to customers 0 and 1."""
    execute(world, compute(world, [BTC // 10, BTC // 5]))
    return world


def _close(world: World, n: int) -> Liquidation:
    return Liquidation.objects.create(
        tape=world.incident.tape, account=world.accounts[n], contract=world.contract,
        verdict="due_printed_only", recorded_at=START, due_printed_at=START, quantity=10,
        price_ticks=500000, printed_ticks=480000, fair_ticks=650000, equity_printed=1,
        maintenance_printed=2, equity_fair=30, maintenance_fair=2, loss=30,
        receipt={"printed": {"mark": "4800.00"}, "fair": {"mark": "6500.00"}, "asset": "BTC"},
    )  # fmt: skip


def test_it_is_for_customers(paid: World) -> None:
    status = matrix(lambda client: client.get(reverse("portal")).status_code)
    assert status == dict.fromkeys(WHO, 404) | {"nobody": 302, "customer": 200}


def test_it_shows_before_change_and_after(paid: World) -> None:
    page = signed_in("customer").get(reverse("portal"))
    change = page.context["changes"][0][0]
    assert cells(page, f"wallets-{change.pk}") == [
        ["Futures wallet", "1.00000000 BTC", "+0.10000000 BTC", "1.10000000 BTC"],
        ["Funding wallet", "0.00000000 BTC", "0.00000000 BTC", "0.00000000 BTC"],
    ]
    assert cells(page, "balances") == [["Futures wallet", "A00000", "1.10000000 BTC"]]


def test_what_they_owe_is_told_in_their_words(world: World) -> None:
    close_gates(world)
    executed(world, remedy.computed(world, lending(to=0)))
    page = signed_in("customer").get(reverse("portal"))
    owing = [row for row in cells(page, "balances") if row[0] == "Owed to us"]
    assert owing == [["Owed to us", "A00000", "−4.00000000 BTC"]]
    assert "Still owed to us – −4.00000000 BTC" in text(page)
    assert "the house" not in text(page)


def test_it_shows_nothing_of_anyone_else(paid: World) -> None:
    words = text(signed_in("customer").get(reverse("portal")))
    assert "A00000" in words
    for other in ("A00001", "A00002", "A00003", "Customer 1", "0.20000000"):
        assert other not in words


def test_it_downloads_the_exact_sums(paid: World) -> None:
    rows = csv(signed_in("customer").get(reverse("portal-csv")))
    assert [row[2:7] for row in rows[1:]] == [
        ["A00000", "BTC", "1.00000000", "0.10000000", "1.10000000"]
    ]


def test_a_receipt_is_its_owners_only(paid: World) -> None:
    mine, other = _close(paid, 0), _close(paid, 1)
    client = signed_in("customer")
    page = client.get(reverse("portal-close", args=[mine.pk]))
    assert "This close should not have happened to you. We are sorry." in text(page)
    assert "0.00000030 BTC" in text(page)
    assert client.get(reverse("portal-close", args=[other.pk])).status_code == 404
    assert client.get(reverse("portal-close", args=[mine.pk + 1000])).status_code == 404


def test_a_customer_without_changes_is_told_so(world: World) -> None:
    page = signed_in("customer").get(reverse("portal"))
    assert "Nothing on your account was changed" in text(page)


def test_a_person_who_left_sees_nothing(paid: World) -> None:
    Person.objects.filter(email="c0@customers.example").update(is_active=False)
    assert signed_in("customer").get(reverse("portal")).status_code == 302

"""What page tests share: the desk's small world, people signed in, and the table of who sees what.

`WHO` names everyone a page can be asked by. `seen` asks a page as each of them and returns what
each got, so that a test states the whole row of the matrix at once.
"""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import Person
from backoffice.services import people
from tests.backoffice.services.conftest import World

ROLES = {"mira": "analyst", "sana": "support", "chen": "risk", "fay": "finance", "lena": "legal"}
WHO = ("nobody", "customer", "superuser", "unprotected", *ROLES.values())
STAFF = frozenset(ROLES.values())

Ask = Callable[[Client], int]


@pytest.fixture
def world(world: World) -> World:
    """The desk's small world, with a customer who signs in, and two outsiders."""
    Person.objects.create_user("c0@customers.example", customer=world.customers[0])
    Person.objects.create_superuser("root@house.example", "x" * 20)
    Person.objects.create_user("new@house.example").roles.create(name="risk")
    return world


def signed_in(who: str) -> Client:
    """A client of one of WHO, or of someone of the cast by short name."""
    client = Client()
    handle = {role: name for name, role in ROLES.items()}.get(who, who)
    email = {
        "customer": "c0@customers.example",
        "superuser": "root@house.example",
        "unprotected": "new@house.example",
    }.get(who, people.email_of(handle))
    if who != "nobody":
        client.force_login(Person.objects.get(email=email))
    return client


def matrix(ask: Ask) -> dict[str, int]:
    """The status everyone gets; a redirect to sign in or to set up a second factor is a 302."""
    return {who: ask(signed_in(who)) for who in WHO}


def expected(*roles: str, done: int = 200) -> dict[str, int]:
    """The row of a page open to staff holding one of `roles`, or to all staff."""
    allowed = roles or tuple(STAFF)
    outside = {"nobody": 302, "customer": 404, "superuser": 404, "unprotected": 302}
    return outside | {role: done if role in allowed else 403 for role in STAFF}


def getting(name: str, *args: object) -> Ask:
    """Asks for a page by its name."""
    return lambda client: client.get(reverse(name, args=args)).status_code


@pytest.fixture
def analyst(world: World) -> Client:
    return signed_in("analyst")


@pytest.fixture
def officer(world: World) -> Client:
    return signed_in("chen")

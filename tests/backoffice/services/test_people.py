"""The cast of a drill, and what keeps it on drills."""

from collections import Counter

import pytest
from allauth.mfa.models import Authenticator

from backoffice.models import Person, Plan, Role
from backoffice.services import people, quorums, second_factor
from backoffice.services.refusals import NotAllowed, Refused
from exchange.models import Venue
from tests.backoffice.services.conftest import World


def test_the_cast_holds_one_role_each(world: World) -> None:
    found = Role.objects.order_by("person__email").values_list("person__email", "name")
    assert [(email.partition("@")[0], name) for email, name in found] == [
        ("chen", "risk"), ("fay", "finance"), ("lena", "legal"), ("mira", "analyst"),
        ("noor", "finance"), ("ravi", "risk"), ("sana", "support"),
    ]  # fmt: skip
    assert Authenticator.objects.filter(type="totp").count() == 7


def test_the_cast_makes_up_every_quorum_without_its_maker(world: World) -> None:
    for remedy in Plan.Remedy.values:
        for maker in ("mira", "fay"):
            chosen = people.cast_for(quorums.of(remedy), besides=world.person(maker))
            assert Counter(role for role, _person in chosen) == quorums.of(remedy)
            assert world.person(maker) not in [person for _role, person in chosen]
    with pytest.raises(Refused, match="role legal"):
        people.cast_for({"legal": 2}, besides=world.person("mira"))


def test_seeding_again_changes_nobody(world: World) -> None:
    before = list(Person.objects.order_by("pk").values())
    sign_ins = people.seed_cast(venue=world.venue)
    assert list(Person.objects.order_by("pk").values()) == before
    mira = next(person for person in sign_ins if person.name == "Mira Okafor")
    assert world.person("mira").check_password(mira.password)
    assert second_factor.secret_of(world.person("mira")) == mira.secret


def test_known_passwords_exist_on_drills_only(db: None) -> None:
    real = Venue.objects.create(code="real", name="Real", rules="okex-2018", is_drill=False)
    with pytest.raises(Refused, match="drill only"):
        people.seed_cast(venue=real)
    with pytest.raises(Refused, match="drill only"):
        people.seed_customers(venue=real, chosen=[])
    assert not Person.objects.exists()


def test_codes_are_told_for_the_cast_only(world: World) -> None:
    assert people.demo_code(people.email_of("chen")) is not None
    stranger = Person.objects.create_user("chen@desk.example", "x" * 12)
    with pytest.raises(Refused, match="nobody of the drill"):
        people.demo_code(stranger.email)
    row = Authenticator.objects.get(user=world.person("chen"))
    row.data = {"secret": people.secret_of("ravi")}
    row.save()
    with pytest.raises(Refused, match="of their own"):
        people.demo_code(people.email_of("chen"))


def test_a_customer_of_the_drill_moves_to_the_newest(world: World) -> None:
    people.seed_customers(venue=world.venue, chosen=[("winner", world.customers[1])])
    people.seed_customers(venue=world.venue, chosen=[("winner", world.customers[3])])
    assert world.person("winner").customer == world.customers[3]
    assert Person.objects.filter(customer__isnull=False).count() == 1


def test_a_role_is_asked_for_by_name(world: World) -> None:
    people.require(world.person("fay"), "finance", "risk")
    with pytest.raises(NotAllowed, match="risk officer or legal officer"):
        people.require(world.person("fay"), "risk", "legal")
    Person.objects.filter(pk=world.person("fay").pk).update(is_active=False)
    with pytest.raises(NotAllowed):
        people.require(world.person("fay"), "finance")

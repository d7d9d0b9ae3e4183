"""Who may do what, and the people of a drill.

`require` is how every verb asks for a role. The cast of a drill has known passwords and known
authenticator secrets, so it exists on drill venues only, and the database lets nobody from its
mail domain decide on a plan of any other venue.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.db import transaction

from backoffice.models import Person, Role
from backoffice.services import audit, second_factor
from backoffice.services.refusals import NotAllowed, Refused
from exchange.models import Customer, Venue

DOMAIN = "drill.makewhole.example"
STAFF = (
    ("mira", "Mira Okafor", Role.Name.ANALYST),
    ("sana", "Sana Lindqvist", Role.Name.SUPPORT),
    ("chen", "Chen Wei", Role.Name.RISK),
    ("ravi", "Ravi Menon", Role.Name.RISK),
    ("fay", "Fay Duarte", Role.Name.FINANCE),
    ("noor", "Noor Haddad", Role.Name.FINANCE),
    ("lena", "Lena Brandt", Role.Name.LEGAL),
)


@dataclass(frozen=True)
class SignIn:
    """What the demo prints for one person. `secret` is empty for customers."""

    name: str
    role: str
    email: str
    password: str
    secret: str


def holds(person: Person, *names: str) -> bool:
    """Whether the person may sign in and holds one of the roles; one statement."""
    return person.is_active and Role.objects.filter(person=person, name__in=names).exists()


def require(person: Person, *names: str, at: Venue | None = None) -> None:
    """Raises NotAllowed unless the person holds one of the roles, and where a venue is named, also
    when it is real and they came with a drill: their passwords are printed."""
    if not holds(person, *names):
        wanted = " or ".join(str(Role.Name(name).label).lower() for name in names)
        raise NotAllowed(f"This needs the role {wanted}.")
    if at is not None and not at.is_drill and person.email.endswith(f"@{DOMAIN}"):
        raise NotAllowed("People of the drill act on drills only.")


def email_of(handle: str) -> str:
    """The address of someone of the drill, staff or customer, by short name."""
    return f"{handle}@{DOMAIN}"


def password_of(handle: str) -> str:
    """The known password of someone of the drill."""
    return f"rehearsal-{handle}-2018"


def secret_of(handle: str) -> str:
    """The known authenticator secret of someone of the drill (20 bytes, base 32)."""
    return base64.b32encode(
        hashlib.sha256(f"makewhole drill {handle}".encode()).digest()[:20]
    ).decode()


def cast_member(handle: str) -> Person:
    """The seeded person with this short name. Raises Person.DoesNotExist."""
    return Person.objects.get(email=email_of(handle))


def cast_for(quorum: Mapping[str, int], *, besides: Person) -> list[tuple[str, Person]]:
    """(role, person) of the cast for every officer a quorum wants, never `besides`; one statement.

    Raises Refused when the cast has too few of a role.
    """
    handles = [(email_of(handle), role) for handle, _name, role in STAFF]
    known = Person.objects.in_bulk([email for email, _role in handles], field_name="email")
    chosen = []
    for wanted, count in quorum.items():
        able = [
            (role, known[email])
            for email, role in handles
            if role == wanted and email in known and known[email] != besides
        ]
        if len(able) < count:
            raise Refused(f"The cast has too few people with the role {wanted}.")
        chosen += able[:count]
    return chosen


def seed_cast(*, venue: Venue) -> list[SignIn]:
    """Make the staff of the drill where they are missing; returns their sign-ins.

    Raises Refused for a venue that is not a drill.
    """
    _only_on_a_drill(venue)
    with transaction.atomic():
        for handle, name, role in STAFF:
            person = _person(handle, name=name)
            Role.objects.get_or_create(person=person, name=role)
            if not Authenticator.objects.filter(user=person, type="totp").exists():
                TOTP.activate(person, secret_of(handle))
                audit.record(
                    by=None,
                    action="person.seeded",
                    subject=f"person:{person.pk}",
                    data={"role": role, "venue": venue.code},
                )
    return [
        SignIn(
            name, Role.Name(role).label, email_of(handle), password_of(handle), secret_of(handle)
        )
        for handle, name, role in STAFF
    ]


def seed_customers(*, venue: Venue, chosen: list[tuple[str, Customer]]) -> list[SignIn]:
    """Give the chosen customers of a drill a sign-in each; a handle moves to its newest drill.

    `chosen` is a list of (handle, customer). Raises Refused for a venue that is not a drill.
    """
    _only_on_a_drill(venue)
    with transaction.atomic():
        for handle, customer in chosen:
            person = _person(handle, name=customer.name)
            person.display_name, person.language = customer.name, customer.language
            person.customer = customer
            person.save(update_fields=["display_name", "language", "customer"])
    return [
        SignIn(customer.name, "Customer", email_of(handle), password_of(handle), "")
        for handle, customer in chosen
    ]


def demo_code(email: str) -> str | None:
    """The code someone of the drill would type now; None when all of this minute's are spent.

    Raises Refused for anyone whose secret is not the drill's: nobody's real codes come from here.
    """
    handle, _, domain = email.partition("@")
    person = Person.objects.filter(email=email).first()
    if domain != DOMAIN or person is None:
        raise Refused(f"{email} is nobody of the drill.")
    secret = second_factor.secret_of(person)
    if secret != secret_of(handle):
        raise Refused(f"{email} has an authenticator of their own.")
    return second_factor.unspent_code(person, secret)


def _only_on_a_drill(venue: Venue) -> None:
    if not venue.is_drill:
        raise Refused("People with known passwords are made on a drill only.")


def _person(handle: str, *, name: str) -> Person:
    person = Person.objects.filter(email=email_of(handle)).first()
    if person is None:
        person = Person.objects.create_user(
            email_of(handle), password_of(handle), display_name=name
        )
        EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
    return person

"""Reading who somebody is to the desk."""

from typing import NamedTuple

from django.db import connection
from django.db.models import QuerySet

from backoffice.models import Passkey, Person

STANDING = """
    SELECT array(SELECT name FROM role WHERE person_id = %s ORDER BY name),
           EXISTS (SELECT FROM mfa_authenticator
                   WHERE user_id = %s AND type IN ('totp', 'webauthn'))
"""


class Standing(NamedTuple):
    """The roles somebody holds, and whether they have an authenticator or a passkey.

    Recovery codes alone are no second factor.
    """

    roles: frozenset[str]
    second_factor: bool

    @property
    def is_staff(self) -> bool:
        """Whoever holds a role is staff. Django's flags say nothing here."""
        return bool(self.roles)


NOBODY = Standing(frozenset(), second_factor=False)


def standing(person: Person) -> Standing:
    """One statement."""
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [person.pk, person.pk])
        roles, second_factor = cursor.fetchone()
    return Standing(frozenset(roles), second_factor)


def passkeys(person: Person) -> QuerySet[Passkey]:
    """Every passkey the person ever had, the newest first; one statement."""
    return Passkey.objects.filter(person=person).order_by("-pk")

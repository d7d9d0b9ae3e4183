"""A fresh second factor for every decision about money.

A code of the officer's authenticator is taken within one step of 30 seconds either way, and its
step is then spent: the same code never decides twice, not even on another plan. Signing in does not
count and neither does a code typed a minute ago; there is no grace period here.
"""

import hmac
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction

from backoffice.models import Approval, Person, Plan, SpentCode
from backoffice.services import proven
from backoffice.services.refusals import WrongCode

PERIOD_SECONDS = 30
TOLERANCE_STEPS = 1
TRIES_MAX = 5
TRIES_WINDOW_SECONDS = 300


@dataclass(frozen=True)
class Code:
    """A code as it was typed: one of the proofs that a decision takes (`approvals.Proof`)."""

    typed: str
    method: ClassVar[str] = Approval.Method.TOTP

    def spend(self, plan: Plan, officer: Person, role: str, decision: str) -> dict[str, Any]:
        """Spend the code on this decision; the evidence is its step, countersigned."""
        step = verify(officer, self.typed)
        return proven.by_code(plan=plan, officer=officer, role=role, decision=decision, step=step)


def secret_of(person: Person) -> str:
    """The secret of the person's authenticator. Raises WrongCode when they have none."""
    row = Authenticator.objects.filter(user=person, type=Authenticator.Type.TOTP).first()
    if row is None:
        raise WrongCode("You have no authenticator app set up; a decision needs one.")
    return get_adapter().decrypt(row.data["secret"])


def code_at(secret: str, step: int) -> str:
    """The six digits of a step of 30 seconds since 1970 (RFC 6238, SHA-1)."""
    return format_hotp_value(hotp_value(secret, step))


def steps_now() -> list[int]:
    """The steps a code is taken from now: the previous one, this one, the next one."""
    now = int(time.time()) // PERIOD_SECONDS
    return list(range(now - TOLERANCE_STEPS, now + TOLERANCE_STEPS + 1))


def verify(person: Person, code: str) -> int:
    """Check the code and spend its step in the caller's transaction; returns the step.

    Raises WrongCode for a wrong code, one already spent, or too many tries: five wrong ones close
    the door for five minutes, counted outside the transaction so that a rollback forgives none.
    """
    assert connection.in_atomic_block, "a code is spent with the decision it proves"
    tries = f"second-factor-tries:{person.pk}"
    if cache.get(tries, 0) >= TRIES_MAX:
        raise WrongCode("Too many wrong codes. Wait five minutes and try again.")
    secret = secret_of(person)
    given = "".join(code.split()).encode()
    matching = [
        step for step in steps_now() if hmac.compare_digest(code_at(secret, step).encode(), given)
    ]
    if not matching:
        cache.add(tries, 0, timeout=TRIES_WINDOW_SECONDS)
        cache.incr(tries)
        raise WrongCode("That is not the code your authenticator shows now.")
    for step in matching:
        if _spend(person, step):
            return step
    raise WrongCode("That code was used before. Wait for the next one.")


def _spend(person: Person, step: int) -> bool:
    try:
        with transaction.atomic():
            SpentCode.objects.create(person=person, step=step)
    except IntegrityError:
        return False
    return True


def unspent_code(person: Person, secret: str) -> str | None:
    """A code that would be taken now, or None when all three steps are spent. For the drill.

    The one of the step before comes last: it is good for the shortest time.
    """
    earlier, *wanted = steps_now()
    wanted.append(earlier)
    spent = set(
        SpentCode.objects.filter(person=person, step__in=wanted).values_list("step", flat=True)
    )
    return next((code_at(secret, step) for step in wanted if step not in spent), None)

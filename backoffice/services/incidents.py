"""Opening an incident from a tape, and closing and opening the doors of the exchange meanwhile.

An incident's status, its market gates and its withdrawal gate are three axes: none implies another.
A gate has a scope, a reason, an owner and an expiry, which an officer may put off. A plan is
executed only while the gates that its legs need are closed (`gates`), and keeps them closed until
it is reconciled.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from backoffice.models import Gate, GateProlongation, Incident, Person, Role, TimelineEntry
from backoffice.services import audit, events, gates, people
from backoffice.services.refusals import Refused, Stale
from exchange.models import Contract, Tape

DESK = (Role.Name.ANALYST, Role.Name.RISK)
OFFICERS = (Role.Name.RISK, Role.Name.FINANCE, Role.Name.LEGAL)
GATE_HOURS_MAX = 72
STEPS = {
    Incident.Status.DECLARED: (Incident.Status.TRIAGE,),
    Incident.Status.CONTAINED: (Incident.Status.DECLARED,),
    Incident.Status.REMEDY: (Incident.Status.DECLARED, Incident.Status.CONTAINED),
    Incident.Status.CLOSED: (Incident.Status.TRIAGE, Incident.Status.REMEDY),
}


def open_incident(*, tape: Tape, by: Person, title: str, summary: str = "") -> Incident:
    """Open an incident in triage on what the tape's manifest says of window and cut-offs.

    A tape begins before its incident does: the incident's window is from the announced cut-off,
    or from the tape's beginning where that is later, to the tape's end.

    Raises NotAllowed without the role, Refused when the manifest names no window or contract.
    """
    people.require(by, *DESK)
    manifest = tape.manifest
    contract = Contract.objects.filter(
        venue=tape.venue_id, symbol=manifest.get("contract", "")
    ).first()
    if contract is None or not manifest.get("window"):
        raise Refused("The manifest of this tape names no window and contract of an incident.")
    announced = datetime.fromisoformat(manifest["announced_cutoff"])
    with transaction.atomic(durable=True):
        incident = Incident.objects.create(
            slug=_free_slug(title),
            title=title,
            summary=summary,
            venue=tape.venue,
            tape=tape,
            contract=contract,
            zone=manifest.get("zone", "UTC"),
            window_start=max(datetime.fromisoformat(manifest["window"]["start"]), announced),
            window_end=datetime.fromisoformat(manifest["window"]["end"]),
            announced_cutoff=announced,
            effective_cutoff=datetime.fromisoformat(manifest["effective_cutoff"]),
            commander=by,
        )
        audit.record(
            by=by,
            action="incident.opened",
            subject=f"incident:{incident.pk}",
            data={"tape": tape.digest},
        )
    return incident


def next_statuses(incident: Incident) -> list[Incident.Status]:
    """Where the incident's status may go from where it is."""
    return [to for to, starts in STEPS.items() if incident.status in starts]


def advance(*, incident: Incident, by: Person, to: str) -> Incident:
    """Take the incident's status one step on. Raises Stale when it is somewhere else by now."""
    people.require(by, *DESK, at=incident.venue)
    status = Incident.Status(to)
    with transaction.atomic():
        rows = Incident.objects.filter(pk=incident.pk, status__in=STEPS.get(status, ())).update(
            status=status
        )
        if rows != 1:
            raise Stale(f"The incident cannot become {status.label.lower()} from where it is.")
        incident.status = status
        desk_line(incident, f"status-{status}", f"Incident {status.label.lower()}", by)
        audit.record(by=by, action=f"incident.{status}", subject=f"incident:{incident.pk}")
    return incident


def close_gate(
    *,
    incident: Incident,
    by: Person,
    kind: str,
    reason: str,
    contract: Contract | None = None,
    hours: int = 24,
) -> Gate:
    """Close trading (of one contract, or of all) or withdrawals, for at most 72 hours.

    Raises Refused for an empty reason or a longer time, Stale when that gate is closed already.
    """
    people.require(by, *DESK, at=incident.venue)
    if not reason.strip():
        raise Refused("Say why: customers are told the reason of a closed gate.")
    if not 1 <= hours <= GATE_HOURS_MAX:
        raise Refused(f"A gate closes for 1 to {GATE_HOURS_MAX} hours, then someone decides again.")
    now = timezone.now()
    try:
        with transaction.atomic():
            # One that has run out is open and only not written off; it is not in the way.
            Gate.objects.filter(
                incident=incident, kind=kind, contract=contract, lifted_at__isnull=True,
                expires_at__lte=now,
            ).update(lifted_at=now, lifted_by=by, lifted_reason="It had run out.")  # fmt: skip
            gate = Gate.objects.create(
                incident=incident,
                kind=Gate.Kind(kind),
                contract=contract,
                reason=reason.strip(),
                owner=by,
                expires_at=now + timedelta(hours=hours),
            )
            scope = _scope(gate)
            desk_line(incident, f"gate-{gate.pk}", f"{gate.get_kind_display()} closed: {scope}", by)
            events.gate_closed(gate)
            audit.record(
                by=by,
                action="gate.closed",
                subject=f"gate:{gate.pk}",
                data={"kind": kind, "scope": scope, "hours": hours},
            )
    except IntegrityError as error:
        raise Stale("That gate is closed already.") from error
    return gate


def prolong_gate(*, gate: Gate, by: Person, reason: str, hours: int) -> Gate:
    """Keep the gate closed until `hours` from now, at most 72: an incident of weeks is decided anew
    every three days, by an officer. As often as it takes.

    Raises NotAllowed for anyone else, Refused without a reason, for a longer time or one that ends
    no later than the gate does, Stale when it is open by now.
    """
    people.require(by, *OFFICERS, at=gate.incident.venue)
    if not reason.strip():
        raise Refused("Say why it stays closed: it is asked again in three days.")
    if not 1 <= hours <= GATE_HOURS_MAX:
        raise Refused(f"A gate stays closed for 1 to {GATE_HOURS_MAX} hours from now.")
    with transaction.atomic():
        stored = Gate.objects.select_for_update().get(pk=gate.pk)
        now = timezone.now()
        until = now + timedelta(hours=hours)
        if stored.lifted_at is not None or stored.expires_at <= now:
            raise Stale("That gate is open by now. Close it anew.")
        if until <= stored.expires_at:
            raise Refused(f"It stays closed until {stored.expires_at:%Y-%m-%d %H:%M} UTC anyway.")
        row = GateProlongation.objects.create(
            gate=stored,
            officer=by,
            reason=reason.strip()[:200],
            expires_before=stored.expires_at,
            expires_at=until,
        )
        gate.refresh_from_db()
        desk_line(
            gate.incident,
            f"gate-{gate.pk}-prolonged-{row.pk}",
            f"{gate.get_kind_display()} stays closed: {_scope(gate)}",
            by,
        )
        events.gate_closed(gate)
        audit.record(
            by=by,
            action="gate.prolonged",
            subject=f"gate:{gate.pk}",
            data={"hours": hours, "until": until.isoformat(), "reason": row.reason},
        )
    return gate


def lift_gate(*, gate: Gate, by: Person, reason: str) -> Gate:
    """Open the gate again. Raises Stale when someone has, Refused without a reason, or while a plan
    needs it: one that is approved, or executed and not reconciled."""
    people.require(by, *DESK, at=gate.incident.venue)
    if not reason.strip():
        raise Refused("Say why the gate can open.")
    if why := gates.held(gate):
        raise Refused(f"This gate stays closed: {why}.")
    try:
        return _lift(gate, by, reason)
    except IntegrityError as error:  # executed between the question and the lifting
        raise Refused(f"This gate stays closed: {gates.held(gate)}.") from error


def _lift(gate: Gate, by: Person, reason: str) -> Gate:
    now = timezone.now()
    with transaction.atomic():
        rows = Gate.objects.filter(pk=gate.pk, lifted_at__isnull=True).update(
            lifted_at=now, lifted_by=by, lifted_reason=reason.strip()[:200]
        )
        if rows != 1:
            raise Stale("That gate is open already.")
        gate.refresh_from_db()
        desk_line(gate.incident, f"gate-{gate.pk}-lifted", f"{gate.get_kind_display()} open", by)
        events.gate_lifted(gate)
        audit.record(by=by, action="gate.lifted", subject=f"gate:{gate.pk}")
    return gate


def add_entry(*, incident: Incident, by: Person, text: str, public: bool = False) -> TimelineEntry:
    """Write a line of the timeline by hand, dated now."""
    people.require(by, *DESK, Role.Name.SUPPORT, Role.Name.FINANCE, Role.Name.LEGAL)
    if not text.strip():
        raise Refused("An empty line tells nobody anything.")
    now = timezone.now()
    with transaction.atomic():
        entry = TimelineEntry.objects.create(
            incident=incident,
            at=now,
            source=TimelineEntry.Source.PERSON,
            key=f"person-{now:%Y%m%dT%H%M%S%f}-{by.pk}",
            text=text.strip()[:400],
            author=by,
            public=public,
        )
        audit.record(by=by, action="timeline.written", subject=f"incident:{incident.pk}")
    return entry


def _scope(gate: Gate) -> str:
    return gate.contract.symbol if gate.contract else "everything"


def desk_line(incident: Incident, key: str, text: str, by: Person, *, public: bool = True) -> None:
    """What the desk did, on the incident's timeline; a key is written once an incident."""
    TimelineEntry.objects.create(
        incident=incident,
        at=timezone.now(),
        source=TimelineEntry.Source.DESK,
        key=key,
        text=text,
        author=by,
        public=public,
    )


def _free_slug(title: str) -> str:
    """A slug nobody has; the unique constraint settles a race."""
    stem = slugify(title)[:70] or "incident"
    taken = set(Incident.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    return next(
        slug
        for slug in [stem, *(f"{stem}-{n}" for n in range(2, len(taken) + 3))]
        if slug not in taken
    )

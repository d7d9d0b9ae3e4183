"""Registering passkeys: with a fresh code, by a device that knows who holds it, never forgotten."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError
from django.utils import timezone
from fido2.utils import websafe_decode

from backoffice.models import AuditEvent, Passkey, SpentCode
from backoffice.services import assertions, passkeys
from backoffice.services.refusals import NotAllowed, Refused, Stale, WrongCode, WrongPasskey
from tests.backoffice.services.authenticator import Device, register
from tests.backoffice.services.conftest import World, run_sql


@pytest.fixture
def device() -> Device:
    return Device()


def test_a_passkey_is_registered(world: World, device: Device) -> None:
    chen = world.person("chen")
    key = register(device, chen, world.code("chen"), "  Red   key ")
    assert list(device.keys) == [key.credential_id]
    assert (key.name, key.transports, key.sign_count) == ("Red key", ["internal"], 0)
    assert list(passkeys.of(chen)) == [key]
    event = AuditEvent.objects.latest("number")
    assert (event.action, event.actor) == ("passkey.registered", chen)
    assert event.data == {"person": chen.pk, "key": assertions.fingerprint(key.public_key)}


def test_what_the_device_is_asked_for(world: World, device: Device) -> None:
    chen = world.person("chen")
    first = register(device, chen, world.code("chen"))
    options, _ = passkeys.offer(by=chen, name="Second", code=world.code("chen"))
    assert options["rp"]["id"] == "localhost"
    assert [each["id"] for each in options["excludeCredentials"]] == [first.credential_id]
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [-7, -8, -257]
    # Signing in uses the bare number as its handle; a device would replace one key by the other.
    assert websafe_decode(options["user"]["id"]) == f"makewhole-approval:{chen.pk}".encode()


def test_without_a_right_code_there_is_no_offer(world: World) -> None:
    with pytest.raises(WrongCode):
        passkeys.offer(by=world.person("chen"), name="Key", code="000000")
    assert not SpentCode.objects.exists()


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_a_name_is_needed_and_no_code_is_spent_without(world: World, name: str) -> None:
    with pytest.raises(Refused, match="name"):
        passkeys.offer(by=world.person("chen"), name=name, code=world.code("chen"))
    assert not SpentCode.objects.exists()


def test_a_code_registers_one_passkey(world: World, device: Device) -> None:
    chen = world.person("chen")
    options, offered = passkeys.offer(by=chen, name="Key", code=world.code("chen"))
    passkeys.register(by=chen, offered=offered, response=device.create(options))
    with pytest.raises(Stale, match="already"):
        passkeys.register(by=chen, offered=offered, response=Device().create(options))
    assert Passkey.objects.count() == 1


def test_an_offer_is_the_persons_and_ends(world: World, device: Device) -> None:
    chen, ravi = world.person("chen"), world.person("ravi")
    options, offered = passkeys.offer(by=chen, name="Key", code=world.code("chen"))
    answer = device.create(options)
    with pytest.raises(Stale):
        passkeys.register(by=ravi, offered=offered, response=answer)
    late = {**offered, "until": (timezone.now() - timedelta(seconds=1)).isoformat()}
    with pytest.raises(Stale, match="five minutes"):
        passkeys.register(by=chen, offered=late, response=answer)
    assert not Passkey.objects.exists()


@pytest.mark.parametrize(
    "wrongly",
    [{"origin": "http://127.0.0.1:8000"}, {"site": "desk.example"}, {"verified": False}],
)
def test_a_wrong_answer_is_refused(
    world: World, device: Device, wrongly: dict[str, object]
) -> None:
    chen = world.person("chen")
    options, offered = passkeys.offer(by=chen, name="Key", code=world.code("chen"))
    with pytest.raises(WrongPasskey):
        passkeys.register(by=chen, offered=offered, response=device.create(options, **wrongly))  # type: ignore[arg-type]
    other = {**options, "challenge": "A" * 43}
    with pytest.raises(WrongPasskey):
        passkeys.register(by=chen, offered=offered, response=device.create(other))
    for rubbish in ({}, {"rawId": "AA"}, {"id": "AA", "rawId": "AA", "response": []}):
        with pytest.raises(WrongPasskey):
            passkeys.register(by=chen, offered=offered, response=rubbish)
    assert not Passkey.objects.exists()


def test_a_passkey_has_one_owner(world: World, device: Device) -> None:
    chen, ravi = world.person("chen"), world.person("ravi")
    register(device, chen, world.code("chen"))
    options, offered = passkeys.offer(by=ravi, name="Key", code=world.code("ravi"))
    answer = device.create(options)
    passkeys.register(by=ravi, offered=offered, response=answer)
    options, offered = passkeys.offer(by=chen, name="Mine", code=world.code("chen"))
    again = Device()
    stolen = again.create(options)
    # The same credential once more, made for another person.
    attested = bytes(websafe_decode(stolen["response"]["attestationObject"]))
    wanted, had = websafe_decode(answer["rawId"]), websafe_decode(stolen["rawId"])
    stolen["response"]["attestationObject"] = attested.replace(had, wanted)
    stolen |= {"id": answer["rawId"], "rawId": answer["rawId"]}
    with pytest.raises(WrongPasskey, match="registered already"):
        passkeys.register(by=chen, offered=offered, response=stolen)


def test_ten_are_enough(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passkeys, "KEYS_MAX", 1)
    chen = world.person("chen")
    register(Device(), chen, world.code("chen"))
    with pytest.raises(Refused, match="ten passkeys"):
        passkeys.offer(by=chen, name="Key", code=world.code("chen"))


def test_no_origin_no_passkeys(world: World, settings: object) -> None:
    settings.PASSKEY_ORIGINS = []  # type: ignore[attr-defined]
    with pytest.raises(WrongPasskey, match="no address"):
        passkeys.offer(by=world.person("chen"), name="Key", code=world.code("chen"))
    assert not SpentCode.objects.exists()


def test_one_is_removed_and_kept(world: World, device: Device) -> None:
    chen = world.person("chen")
    key = register(device, chen, world.code("chen"))
    with pytest.raises(NotAllowed):
        passkeys.remove(by=world.person("ravi"), key=key)
    passkeys.remove(by=chen, key=key)
    assert not passkeys.of(chen)
    key.refresh_from_db()
    assert key.removed_at is not None
    with pytest.raises(Stale):
        passkeys.remove(by=chen, key=key)
    assert AuditEvent.objects.filter(action="passkey.removed").count() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE passkey SET person_id = (SELECT min(id) FROM backoffice_person)",
        "UPDATE passkey SET public_key = 'AA'",
        "UPDATE passkey SET credential_id = 'AA'",
        "UPDATE passkey SET name = 'Another'",
        "UPDATE passkey SET sign_count = 2",
        "UPDATE passkey SET code_step = 1",
        "DELETE FROM passkey",
        "TRUNCATE passkey CASCADE",
        "INSERT INTO passkey (person_id, name, credential_id, public_key, sign_count, transports,"
        " code_step, created_at) SELECT person_id, 'x', 'x', public_key, 0, '[]', 5, now()"
        " FROM passkey",
        "INSERT INTO passkey (person_id, name, credential_id, public_key, sign_count, transports,"
        " code_step, created_at) SELECT person_id, 'x', 'x', public_key, 0, '[]', code_step, now()"
        " FROM passkey",
    ],
)
def test_sql_cannot_change_a_passkey(world: World, device: Device, statement: str) -> None:
    key = register(device, world.person("chen"), world.code("chen"))
    Passkey.objects.filter(pk=key.pk).update(sign_count=3)
    with pytest.raises(DatabaseError):
        run_sql(statement)
    assert Passkey.objects.get().sign_count == 3


def test_a_removed_passkey_stays_removed(world: World, device: Device) -> None:
    key = register(device, world.person("chen"), world.code("chen"))
    passkeys.remove(by=world.person("chen"), key=key)
    for statement in ("removed_at = NULL", "sign_count = 9"):
        with pytest.raises(IntegrityError, match="removed"):
            run_sql(f"UPDATE passkey SET {statement}")


def test_only_a_fresh_code_that_decided_nothing_registers(world: World) -> None:
    chen = world.person("chen")
    make = (
        "INSERT INTO passkey (person_id, name, credential_id, public_key, sign_count, transports,"
        f" code_step, created_at) VALUES ({chen.pk}, 'x', 'x', 'AA', 0, '[]', 7, now())"
    )
    with pytest.raises(IntegrityError, match="no fresh code"):
        run_sql(make)
    run_sql(
        "INSERT INTO spent_code (person_id, step, spent_at)"
        f" VALUES ({chen.pk}, 7, now() - interval '11 minutes'), ({chen.pk}, 8, now())"
    )
    with pytest.raises(IntegrityError, match="no fresh code"):
        run_sql(make)
    run_sql(make.replace("7, now()", "8, now()"))
    with pytest.raises(IntegrityError, match="passkey_code_once"):
        run_sql(make.replace("7, now()", "8, now()").replace("'x', 'x'", "'x', 'y'"))

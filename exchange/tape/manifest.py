"""The manifest of a bundle: what the data is, which rules it was traded under, and the cut-offs.

An incident has two cut-offs: the announced one and the effective one, the time of the last trade
that is kept. The effective one is never later than the announced one.
"""

import json
import re
import zoneinfo
from datetime import datetime
from typing import Any

from exchange.domain import rules
from exchange.tape.problems import Problems
from exchange.tape.source import MANIFEST, UNREADABLE, Source

FORMAT = "makewhole-bundle/1"
SCOPES = ("market", "accounts")
NO_RULES = "none"
"""Rules of a tape of some accounts whose margin is not to be recomputed."""
BYTES_MOST = 1_048_576
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
TEXTS = {"name": 80, "title": 200, "venue": 80, "rules": 40, "scope": 8, "zone": 64}
TIME_FIX = "Write it with an offset, as in 2018-03-30T05:00:00+08:00."


def read(source: Source, problems: Problems) -> dict[str, Any] | None:
    """The manifest, checked, or None when it cannot be read at all.

    What names a contract is checked later, by `checks_books.incident_contract`.
    """
    if not source.has_manifest:
        problems.add(
            "manifest.missing", MANIFEST, "is not in the bundle.", "Add it beside the tables."
        )
        return None
    try:
        with source.raw(MANIFEST) as file:
            text = file.read(BYTES_MOST + 1)
    except UNREADABLE as fault:
        problems.add("file.damaged", MANIFEST, f"cannot be read ({fault}).", "Send it again.")
        return None
    try:
        if len(text) > BYTES_MOST:
            raise ValueError("it is larger than 1 MiB")
        manifest = json.loads(text.decode("utf-8-sig"), object_pairs_hook=_no_doubles)
    except (ValueError, RecursionError) as fault:
        problems.add("manifest.json", MANIFEST, f"is not valid JSON ({fault}).", "Correct it.")
        return None
    if not isinstance(manifest, dict):
        problems.add("manifest.json", MANIFEST, "is not a JSON object.", "Put it in { }.")
        return None
    if manifest.get("format") != FORMAT:
        problems.add(
            "manifest.format", MANIFEST, f"has the format {manifest.get('format')!r}.",
            f'This desk reads "{FORMAT}".', field="format",
        )  # fmt: skip
        return None
    _texts(manifest, problems)
    _window(manifest, problems)
    return manifest


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which every key occurs once; the second one would win unseen."""
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {double!r} occurs twice")
    return made


def _texts(manifest: dict[str, Any], problems: Problems) -> None:
    """The plain words: there, not too long, and known where there is a list of them."""
    for field, longest in TEXTS.items():
        value = manifest.get(field)
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            problems.add(
                "manifest.field", MANIFEST, f"has no {field} of 1 to {longest} characters.",
                f'Add "{field}": "...".', field=field,
            )  # fmt: skip
            manifest[field] = ""
    name = manifest["name"]
    if name and not NAME.fullmatch(name):
        problems.add(
            "manifest.name", MANIFEST, f"has the name {name!r}.",
            "Use small letters, digits and hyphens, as in okex-2018-03-30.", field="name",
        )  # fmt: skip
    known = set(rules.MODULES)
    if manifest["scope"] == "accounts":
        known |= {*rules.MARGIN, NO_RULES}
    if manifest["rules"] and manifest["rules"] not in known:
        problems.add(
            "manifest.rules", MANIFEST, f"names the rules {manifest['rules']!r}.",
            f"Known rules: {', '.join(sorted(known))}.", field="rules",
        )  # fmt: skip
    if manifest["scope"] and manifest["scope"] not in SCOPES:
        problems.add(
            "manifest.scope", MANIFEST, f"has the scope {manifest['scope']!r}.",
            "Use market (every account) or accounts (some of them).", field="scope",
        )  # fmt: skip
    if manifest["zone"] and not _zone_known(manifest["zone"]):
        problems.add(
            "manifest.zone", MANIFEST, f"has the unknown time zone {manifest['zone']!r}.",
            "Use an IANA name such as Asia/Hong_Kong.", field="zone",
        )  # fmt: skip
    if "source" in manifest and not isinstance(manifest["source"], dict):
        problems.add(
            "manifest.source", MANIFEST, "has a source that is not a JSON object.",
            "Put it in { }.", field="source",
        )  # fmt: skip


def _zone_known(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _instant(value: object, field: str, problems: Problems) -> datetime | None:
    """An aware time of the manifest, or None after a problem."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        problems.add("manifest.time", MANIFEST, f"has no time in {field}.", TIME_FIX, field=field)
    elif moment.tzinfo is None:
        problems.add(
            "manifest.time", MANIFEST, f"has a time without an offset in {field}.", TIME_FIX,
            field=field,
        )  # fmt: skip
        moment = None
    return moment


def _window(manifest: dict[str, Any], problems: Problems) -> None:
    """start < end, both cut-offs inside, effective not after announced."""
    window = manifest.get("window")
    if not isinstance(window, dict):
        problems.add(
            "manifest.window", MANIFEST, "has no window.",
            'Add "window": {"start": "...", "end": "..."}.', field="window",
        )  # fmt: skip
        return
    start = _instant(window.get("start"), "window.start", problems)
    end = _instant(window.get("end"), "window.end", problems)
    if start and end and end <= start:
        problems.add(
            "manifest.window_order", MANIFEST, "has a window that ends before it starts.",
            "Swap start and end.", field="window",
        )  # fmt: skip
        return
    moments = {}
    for field in ("announced_cutoff", "effective_cutoff"):
        if manifest.get(field) is None and manifest["scope"] == "accounts":
            continue
        moments[field] = moment = _instant(manifest.get(field), field, problems)
        if moment and start and end and not start <= moment <= end:
            problems.add(
                "manifest.cutoff_outside", MANIFEST, f"has the {field} outside its window.",
                "Widen the window or correct the cut-off.", field=field,
            )  # fmt: skip
    announced, effective = moments.get("announced_cutoff"), moments.get("effective_cutoff")
    if announced and effective and effective > announced:
        problems.add(
            "manifest.cutoff_order", MANIFEST,
            "has an effective cut-off after the announced one.",
            "The last kept trade is never later than the announced cut-off.",
            field="effective_cutoff",
        )  # fmt: skip

"""How a state looks: its word, its tone and its mark. Pure but for the translated words.

Colour is never alone: every tone has its own mark, and the word is always printed.
"""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Badge(NamedTuple):
    """What is drawn for a state. `tone`: quiet, active, good, warn, bad or ended."""

    label: str | Promise
    tone: str
    icon: str


BADGES: dict[str, Badge] = {
    # incidents
    "triage": Badge(_("Triage"), "warn", "eye"),
    "declared": Badge(_("Declared"), "bad", "flag"),
    "contained": Badge(_("Contained"), "warn", "shield"),
    "remedy": Badge(_("Remedy"), "active", "scales"),
    "closed": Badge(_("Closed"), "ended", "check"),
    # venues
    "drill": Badge(_("Drill"), "quiet", "drill"),
    # gates
    "trading": Badge(_("Trading"), "good", "play"),
    "halted": Badge(_("Halted"), "bad", "stop"),
    "halted_in_part": Badge(_("Halted in part"), "warn", "stop"),
    "settling": Badge(_("Settling"), "warn", "clock"),
    "gate_open": Badge(_("Open"), "good", "play"),
    "gate_closed": Badge(_("Closed"), "bad", "lock"),
    # plans and their execution
    "draft": Badge(_("Draft"), "quiet", "pencil"),
    "computed": Badge(_("Computed"), "quiet", "sigma"),
    "proposed": Badge(_("Proposed"), "active", "seal"),
    "approved": Badge(_("Approved"), "active", "check"),
    "executing": Badge(_("Executing"), "active", "run"),
    "executed": Badge(_("Executed"), "good", "check"),
    "reconciled": Badge(_("Reconciled"), "good", "double-check"),
    "rejected": Badge(_("Rejected"), "bad", "cross"),
    "withdrawn": Badge(_("Withdrawn"), "ended", "undo"),
    "expired": Badge(_("Expired"), "ended", "clock"),
    "superseded": Badge(_("Superseded"), "ended", "next"),
    "stale": Badge(_("Stale"), "bad", "alert"),
    "queued": Badge(_("Queued"), "quiet", "clock"),
    "running": Badge(_("Running"), "active", "run"),
    "done": Badge(_("Done"), "good", "check"),
    "refused": Badge(_("Refused"), "bad", "cross"),
    "failed": Badge(_("Failed"), "bad", "cross"),
    # batches
    "sealed": Badge(_("Sealed"), "active", "seal"),
    "posted": Badge(_("Posted"), "good", "check"),
    "discarded": Badge(_("Discarded"), "ended", "cross"),
    # decisions
    "approve": Badge(_("Approves"), "good", "check"),
    "reject": Badge(_("Rejects"), "bad", "cross"),
    "recused": Badge(_("Recused"), "ended", "recuse"),
    "waiting": Badge(_("Waiting"), "quiet", "clock"),
    # broken glasses
    "glass_open": Badge(_("Waits for a second"), "warn", "clock"),
    "glass_lapsed": Badge(_("Lapsed"), "ended", "clock"),
    "unreviewed": Badge(_("To be reviewed"), "warn", "eye"),
    "review_overdue": Badge(_("Review overdue"), "bad", "alert"),
    "reviewed": Badge(_("Reviewed"), "good", "check"),
    "justified": Badge(_("Justified"), "good", "check"),
    "not_justified": Badge(_("Not justified"), "bad", "cross"),
    # verdicts
    "due_both": Badge(_("Due under both prices"), "quiet", "check"),
    "due_printed_only": Badge(_("Due only at the printed price"), "warn", "alert"),
    "not_due": Badge(_("Not due"), "bad", "cross"),
    "missed": Badge(_("Missed"), "active", "eye"),
    "avoided": Badge(_("Avoided"), "good", "check"),
    # campaigns and messages
    "sending": Badge(_("Sending"), "active", "run"),
    "paused": Badge(_("Paused"), "warn", "pause"),
    "sent": Badge(_("Sent"), "good", "check"),
    "held": Badge(_("In the care lane"), "warn", "care"),
    # webhooks and tokens
    "delivered": Badge(_("Delivered"), "good", "check"),
    "in_use": Badge(_("In use"), "good", "check"),
    "retired": Badge(_("Retired"), "ended", "stop"),
    "revoked": Badge(_("Revoked"), "ended", "cross"),
    # promises
    "kept": Badge(_("Kept"), "good", "check"),
    "kept_late": Badge(_("Kept late"), "warn", "clock"),
    "broken": Badge(_("Missed"), "bad", "cross"),
    "due": Badge(_("Due"), "active", "clock"),
    # proofs and checks
    "verified": Badge(_("Verified"), "good", "double-check"),
    "mismatch": Badge(_("Does not match"), "bad", "cross"),
}


def badge(state: str) -> Badge:
    """The badge of a state; an unknown state is shown by its own name, quietly."""
    known = BADGES.get(state)
    return known or Badge(state.replace("_", " ").capitalize(), "quiet", "dot")

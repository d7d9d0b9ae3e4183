"""The estimate of what might not have happened, as a comparison shows it: a few lines of words.

It is a range under three assumptions and never a finding; whoever shows it says so beside it.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

PATHS: dict[str, str | Promise] = {
    "capped": gettext_lazy("Flagged orders capped"),
    "scaled": gettext_lazy("Their share given back"),
    "removed": gettext_lazy("Their cascade removed"),
}


def lines(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what, how much) of a summary of `exchange.domain.counterfactual`; none of an empty one."""
    if not said:
        return []
    low, high = said["range"]["low"], said["range"]["high"]
    between = f"{low:,}" if low == high else _("%(low)s to %(high)s") % {
        "low": f"{low:,}", "high": f"{high:,}"
    }  # fmt: skip
    found = [
        (_("Forced closes on the tape"), f"{said['closes']:,}"),
        (_("Accounts flagged"), f"{len(said['flagged']):,}"),
        (_("Closes avoided"), between),
        (_("Avoided under every assumption"), f"{said['range']['certain']:,}"),
    ]
    return found + [(str(PATHS[path["path"]]), _sum(path)) for path in said["paths"]]


def _sum(path: Mapping[str, Any]) -> str:
    taken = ", ".join(f"{loss} {asset}" for asset, loss in path["loss"].items())
    words = _("%(closes)s closes of %(accounts)s accounts, %(contracts)s contracts") % {
        "closes": f"{path['closes']:,}", "accounts": f"{path['accounts']:,}",
        "contracts": f"{int(path['contracts']):,}",
    }  # fmt: skip
    return words + (_("; they took %s") % taken if taken else "")

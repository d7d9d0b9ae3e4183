"""How one reader likes the screens. Kept in cookies, so that the first byte is already right.

No preference changes what is shown, only how; none is stored with a person.
"""

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

COOKIE_AGE_SECONDS = 365 * 86_400


class Preference(NamedTuple):
    """One choice: its name, its title, and value -> words; the first value, "", is the default."""

    name: str
    title: str | Promise
    options: Mapping[str, str | Promise]

    @property
    def cookie(self) -> str:
        """The cookie the choice is kept in."""
        return f"mw_{self.name}"

    def chosen(self, cookies: Mapping[str, str]) -> str:
        """The reader's value, or the default where the cookie holds anything else."""
        value = cookies.get(self.cookie, "")
        return value if value in self.options else ""


PREFERENCES = (
    Preference("theme", _("Colours"), {"": _("System"), "light": _("Light"), "dark": _("Dark")}),
    Preference("contrast", _("Contrast"), {"": _("System"), "more": _("High")}),
    Preference("clock", _("First clock"), {"": "UTC", "market": _("Market")}),
    Preference("gain", _("Gains are shown"), {"": _("Green"), "red": _("Red")}),
    Preference("density", _("Rows"), {"": _("Comfortable"), "compact": _("Compact")}),
    Preference("keys", _("Keyboard shortcuts"), {"": _("On"), "off": _("Off")}),
)

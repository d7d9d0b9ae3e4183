"""Every rule set is documented, and the documentation names no other."""

import re
from pathlib import Path

from exchange.domain.margin.request import OPTIONAL, REQUIRED
from exchange.domain.rules import names

PAGE = (Path(__file__).parents[4] / "docs" / "margin.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[str]:
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([a-z_0-9-]+)` \|", section, flags=re.MULTILINE)


def test_every_rule_set_is_documented() -> None:
    assert sorted(rows("Rule sets")) == sorted(names())


def test_every_key_is_documented() -> None:
    assert sorted(rows("Asking")) == sorted((*REQUIRED, *OPTIONAL))

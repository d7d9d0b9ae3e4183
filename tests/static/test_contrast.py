"""WCAG 2.2 contrast, computed from static/css/tokens.css for both themes.

Text needs 4.5:1 (SC 1.4.3); the edge of a control, a chart line and the focus ring need
3:1 (SC 1.4.11). The pairs below are the ones the stylesheets use.
"""

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[2] / "static" / "css" / "tokens.css"
PLANES = ("paper", "surface", "sunken", "raised", "hover")
TEXT = [
    *((ink, plane) for ink in ("ink", "ink-soft", "ink-faint", "accent") for plane in PLANES),
    *((tone, plane) for tone in ("good", "bad", "warn") for plane in PLANES),
    *((tone, f"{tone}-wash") for tone in ("accent", "good", "bad", "warn")),
    *(
        (ink, f"{tone}-wash")
        for ink in ("ink", "ink-soft", "ink-faint")
        for tone in ("accent", "good", "bad", "warn")
    ),
    *(
        ("on-fill", fill)
        for fill in ("accent-fill", "accent-fill-hover", "bad-fill", "bad-fill-hover")
    ),
]
GRAPHICS = [
    *(("line-strong", plane) for plane in ("paper", "surface", "sunken", "raised")),
    *(
        (series, plane)
        for series in ("series-mark", "series-index", "series-forced")
        for plane in ("surface", "chart-window")
    ),
    *(("accent", plane) for plane in PLANES),
]


def _palette(theme: int) -> dict[str, str]:
    """Token name -> #rrggbb for theme 0 (light) or 1 (dark)."""
    source = TOKENS.read_text(encoding="utf-8")
    pairs = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", source)
    plain = re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", source)
    return {name: values[theme] for name, *values in pairs} | dict(plain)


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _ratio(one: str, other: str) -> float:
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [(*pair, 4.5) for pair in TEXT] + [(*pair, 3.0) for pair in GRAPHICS],
    ids=lambda value: str(value),
)
def test_contrast(theme: int, front: str, back: str, least: float) -> None:
    palette = _palette(theme)
    assert _ratio(palette[front], palette[back]) >= least


def test_the_formula_itself() -> None:
    assert _ratio("#000000", "#ffffff") == pytest.approx(21.0)
    assert _ratio("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)

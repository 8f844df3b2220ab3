"""Writes SVG 1.1: elements with attributes and text, everything escaped.

No scripts, no style sheets and no references leave here, so a drawing may stand in any page under a
strict content policy. Ink is `currentColor`: the page it stands in decides light or dark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

INK = "currentColor"
FONT = "system-ui, sans-serif"

# XML 1.0 has no place for these, escaped or not.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Element:
    """An element, already written."""

    text: str


def element(name: str, *children: Element | str, **attributes: str | float) -> Element:
    """`stroke_width` becomes stroke-width; a number is written to two places."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}={quoteattr(_clean(_figure(value)))}"
        for key, value in attributes.items()
    )
    inside = "".join(
        child.text if isinstance(child, Element) else escape(_clean(child)) for child in children
    )
    return Element(f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>")


def drawing(
    marks: Iterable[Element], *, width: float, height: float, title: str, description: str
) -> str:
    """A whole document that fills the width it is given and names itself to who cannot see it."""
    return element(
        "svg", element("title", title), element("desc", description), *marks,
        xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width:g} {height:g}", width="100%",
        role="img", fill=INK, font_family=FONT, font_size=13,
    ).text  # fmt: skip


def text(x: float, y: float, words: str, *, anchor: str = "start", **more: str | float) -> Element:
    return element("text", words, x=x, y=y, text_anchor=anchor, **more)


def line(x1: float, y1: float, x2: float, y2: float, **more: str | float) -> Element:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, **{"stroke": INK, **more})


def path(
    points: Iterable[tuple[float, float]], *, closed: bool = False, **more: str | float
) -> Element:
    made = "L".join(f"{_figure(x)} {_figure(y)}" for x, y in points)
    return element("path", d=f"M{made}{'Z' if closed else ''}", **more)


def dots(points: Iterable[tuple[float, float]], *, size: float, **more: str | float) -> Element:
    """Many points as one path: lines of no length with round ends."""
    made = "".join(f"M{_figure(x)} {_figure(y)}h0" for x, y in points)
    return element("path", d=made or "M0 0", fill="none", stroke=INK, stroke_width=size,
                   stroke_linecap="round", **more)  # fmt: skip


def _figure(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def _clean(words: str) -> str:
    return _UNWRITABLE.sub("\ufffd", words)

"""A study's page: its drawings, and the strongest variants beside what everybody's rows give.

Drawn from the bytes that were released. One file without scripts, to be opened in a browser.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from gateway.demo.countries.truth import Pooled
from workspaces.airlock import candidates
from workspaces.airlock.candidates import GwasSummary, Plot, Variant
from workspaces.plots.drawing import draw
from workspaces.plots.picture import Picture

TOP = 20
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;
color:#1c2733;background:#fff}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.15rem .8rem .15rem 0;text-align:right;border-bottom:1px solid #d5dbe1}
td:first-child,th:first-child{text-align:left}
pre{white-space:pre-wrap;overflow-wrap:anywhere}
svg{max-width:100%;height:auto}
@media(prefers-color-scheme:dark){body{color:#dfe6ec;background:#141a20}td,th{border-color:#39434d}}
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One released summary with the truth of its variants, by name, and what planted ones are."""

    released: bytes
    truth: Mapping[str, Pooled]
    planted: Mapping[str, str]
    words: str

    @property
    def summary(self) -> GwasSummary:
        return summary_of(self.released)


def summary_of(released: bytes) -> GwasSummary:
    """Raises CandidateUnreadable, or TypeError for another class of output."""
    found = candidates.read(released)
    if not isinstance(found, GwasSummary):
        raise TypeError(f"a {found.kind} is no association summary")
    return found


def page(shown: Sequence[Shown], *, checks: Sequence[str] = ()) -> str:
    """`checks` are commands that prove the runs' crates, to be typed where the page lies."""
    parts = "".join(_part(one) for one in shown)
    if checks:
        typed = "\n\n".join(escape(one) for one in checks)
        parts += (
            "<h2>Check it yourself</h2><p>What each run was permitted, released and wiped, from "
            "the keys of the nodes alone; in this folder:</p>"
            f"<pre>{typed}</pre>"
        )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>A federated study</title><style>{_STYLE}</style>"
        f"<h1>A federated study of simulated people</h1>{parts}</html>\n"
    )


def _part(one: Shown) -> str:
    drawings = "".join(_drawn(one.released, form).svg for form in ("manhattan", "qq"))
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    ordered = sorted(one.summary.variants, key=lambda found: (found.p, found.allele))
    planted = [found for found in ordered[TOP:] if found.allele in one.planted]
    body = "".join(_row(found, one) for found in (*ordered[:TOP], *planted))
    return (
        f"<h2>{escape(one.summary.trait)}</h2><p>{escape(one.words)}</p>{drawings}"
        f"<table><caption>The {TOP} strongest variants, and the planted ones</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


_COLUMNS = ("variant", "planted", "p", "p, rows together", "beta", "beta, rows together", "people")


def _row(found: Variant, one: Shown) -> str:
    true = one.truth.get(found.allele)
    planted = one.planted.get(found.allele, "")
    cells = (
        found.allele, planted, f"{found.p:.4g}", "" if true is None else f"{true.p:.4g}",
        f"{found.beta:.4g}", "" if true is None else f"{true.beta:.4g}", f"{found.people}",
    )  # fmt: skip
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _drawn(released: bytes, form: str) -> Picture:
    asked = {"kind": "plot", "form": form, "of": hashlib.sha256(released).hexdigest()}
    wanted = candidates.read(json.dumps(asked).encode())
    if not isinstance(wanted, Plot):
        raise TypeError(form)
    return draw(wanted, released)

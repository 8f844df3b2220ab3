"""Draws a released output: the form asked for, from the very bytes that were released.

A drawing holds nothing its table does not say. What may be released is the airlock's; a picture
made inside a workspace never gets here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from workspaces.airlock import candidates
from workspaces.airlock.candidates import AggregateModel, Candidate, GwasSummary, Plot, Table
from workspaces.errors import PlotRefused
from workspaces.plots.bars import bars
from workspaces.plots.manhattan import manhattan
from workspaces.plots.picture import Picture
from workspaces.plots.qq import qq
from workspaces.plots.survival import survival


@dataclass(frozen=True, slots=True)
class _Form:
    of: type[Candidate]
    draw: Callable[..., Picture]


_FORMS = {
    "manhattan": _Form(GwasSummary, manhattan),
    "qq": _Form(GwasSummary, qq),
    "bars": _Form(Table, bars),
    "survival": _Form(AggregateModel, survival),
}


def draw(plot: Plot, released: bytes) -> Picture:
    """Of the released document that `plot` names by its SHA-256; raises PlotRefused."""
    if hashlib.sha256(released).hexdigest() != plot.of:
        raise PlotRefused("The plot is of another output than the released one.")
    form = _FORMS[plot.form]
    document = candidates.read(released)
    if not isinstance(document, form.of):
        raise PlotRefused(f"A {plot.form} plot cannot be drawn of a {document.kind}.")
    return form.draw(document)

"""What a portal may show of a released output, where the permit says so: drawings and top tables.

A plot is drawn from the released document that it names; of a long summary only its strongest lines
are shown. Whether anything may be shown, and to whom, is `access.airlock.queue`'s.
"""

from __future__ import annotations

from workspaces.airlock import candidates
from workspaces.airlock.candidates import AggregateModel, GwasSummary, Plot, Table
from workspaces.airlock.gate import document
from workspaces.errors import PlotRefused
from workspaces.plots.drawing import draw

TOP = 100
JSON, SVG = "application/json", "image/svg+xml"


def show(released: bytes, source: bytes | None) -> tuple[str, bytes]:
    """Media type and bytes; `source` is the released document that a plot is of. Raises
    PlotRefused."""
    found = candidates.read(released)
    match found:
        case Plot() if source is not None:
            return SVG, draw(found, source).svg.encode()
        case GwasSummary():
            top = sorted(found.variants, key=lambda one: one.p)[:TOP]
            return JSON, document(found.model_copy(update={"variants": tuple(top)}))
        case Table() | AggregateModel():
            return JSON, released
        case _:
            raise PlotRefused("Of this output nothing is shown; take the sealed result.")

"""The Manhattan plot of a released association summary: strength along the genome."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from workspaces.airlock.candidates import GwasSummary, Variant
from workspaces.plots import svg
from workspaces.plots.associations import (
    COLUMNS,
    GENOME_WIDE,
    TOP,
    contig_order,
    place,
    strength,
    strongest,
    thinned,
)
from workspaces.plots.frame import Frame, ticks
from workspaces.plots.picture import Picture
from workspaces.plots.svg import Element

GAP = 0.01  # between contigs, of the whole width
MAX_NAMED = 10
MAX_HITS = 500  # drawn as marks of their own
NAME_ROOM = 20  # a contig narrower than this many units is drawn without its name


def manhattan(summary: GwasSummary) -> Picture:
    contigs = _contigs(summary.variants)
    total = sum(length for _, length, _ in contigs)
    gap = GAP * total
    high = max([strength(one) for one in summary.variants] + [8.0])
    frame = Frame(0, total + gap * max(len(contigs) - 1, 1), 0, high * 1.08)
    marks = frame.y_axis(ticks(0, high * 1.08), "−log₁₀ p")
    marks.append(frame.floor_line())
    marks.append(_threshold(frame))
    start = 0.0
    for number, (name, length, variants) in enumerate(contigs):
        marks += _contig(frame, name, start, length, number=number, variants=variants)
        start += length + gap
    hits = sum(one.p <= GENOME_WIDE for one in summary.variants)
    title = f"{summary.trait}: {len(summary.variants)} variants along the genome"
    description = (
        f"Strength of association of each variant, pooled over {summary.sites} sites; "
        f"{hits} reach genome-wide significance (p = 5e-8, dashed line)."
    )
    drawn = svg.drawing(
        marks, width=frame.width, height=frame.height, title=title, description=description
    )
    more = max(0, len(summary.variants) - TOP)
    return Picture(title, drawn, COLUMNS, strongest(summary), more)


def _contigs(variants: Sequence[Variant]) -> list[tuple[str, float, list[Variant]]]:
    """Name, length as far as variants reach, and variants, in the order of the genome."""
    ordered = sorted(variants, key=lambda one: (contig_order(place(one)[0]), place(one)[1]))
    grouped = groupby(ordered, key=lambda one: place(one)[0])
    held = [(name, list(of_contig)) for name, of_contig in grouped]
    return [(name, float(place(one[-1])[1] - place(one[0])[1] + 1), one) for name, one in held]


def _contig(
    frame: Frame, name: str, start: float, length: float, *, number: int, variants: list[Variant]
) -> list[Element]:
    first = place(variants[0])[1]
    points = [(frame.x(start + place(one)[1] - first), frame.y(strength(one))) for one in variants]
    marks = [svg.dots(thinned(points), size=3.2, opacity=0.85 if number % 2 == 0 else 0.45)]
    hits = [
        (one, point) for one, point in zip(variants, points, strict=True) if one.p <= GENOME_WIDE
    ]
    hits.sort(key=lambda hit: hit[0].p)
    for one, (x, y) in hits[:MAX_HITS]:
        words = f"{one.allele}, p = {one.p:g}"
        marks.append(svg.element("circle", svg.element("title", words), cx=x, cy=y, r=3.6,
                                 fill="none", stroke=svg.INK, stroke_width=1.4))  # fmt: skip
    begin, end = frame.x(start), frame.x(start + length)
    if end - begin >= NAME_ROOM:
        middle = (begin + end) / 2
        short = name.removeprefix("chr")[:12]
        marks.append(svg.text(middle, frame.y(0) + 20, short, anchor="middle"))
    if hits and number < MAX_NAMED:
        marks.append(_named(frame, *hits[0]))
    return marks


def _named(frame: Frame, hit: Variant, point: tuple[float, float]) -> Element:
    """The strongest of a contig, by its place, on the side where there is room."""
    x, y = point
    contig, position = place(hit)
    right = x > frame.width - 160
    words = f"{contig}:{position}"
    return svg.text(x + (-8 if right else 8), y + 4, words, anchor="end" if right else "start",
                    font_size=12)  # fmt: skip


def _threshold(frame: Frame) -> Element:
    height = frame.y(7.30103)
    return svg.line(frame.left, height, frame.width - frame.right, height,
                    stroke_dasharray="6 4", opacity=0.7)  # fmt: skip

"""Bars for a page to draw: how long each is, what stands beside it, and the same in words.

Pure. Only of released numbers, each of the kind in which it came (exact, about, fewer than, hidden,
none at all); nothing is added up, and nothing taken away, to draw a bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from portal.answer import Frequency, NodeAnswer, SetAnswer, Shown

MAX_BARS = 40


@dataclass(frozen=True, slots=True)
class Bar:
    """`code` is the term or place it stands for; `size` measures it, `share` is its length in
    hundredths of the longest. `beside` is written at its end, `words` in the table."""

    code: str
    label: str
    size: float
    beside: str
    words: str
    rough: bool = False
    share: float = 0


@dataclass(frozen=True, slots=True)
class Chart:
    """`columns` name the table's: code, label, value."""

    title: str
    id: str
    columns: tuple[str, str, str]
    bars: tuple[Bar, ...]
    left_out: int = 0


def chart(title: str, name: str, columns: tuple[str, str, str], bars: Sequence[Bar]) -> Chart:
    """The first `MAX_BARS` of them, and how many are left out."""
    most = max((bar.size for bar in bars), default=0) or 1
    drawn = tuple(replace(bar, share=round(100 * bar.size / most, 1)) for bar in bars[:MAX_BARS])
    return Chart(title, name, columns, drawn, max(0, len(bars) - MAX_BARS))


def counted(code: str, label: str, answer: SetAnswer | None, *, reason: str = "") -> Bar:
    """How many, as far as it was said; `reason` is why it was not."""
    if answer is None:
        return Bar(code, label, 0, "no answer", reason or "no answer")
    bounds = answer.bounds
    beside, words = _told(answer)
    rough = answer.shown is not Shown.EXACT
    return Bar(code, label, bounds[1] if bounds is not None else 0, beside, words, rough)


def _told(answer: SetAnswer) -> tuple[str, str]:
    match answer.shown:
        case Shown.NO:
            return "0", "0"
        case Shown.HIDDEN:
            return "some; number hidden", "yes, number hidden"
        case Shown.FEWER:
            return f"< {answer.below}", f"fewer than {answer.below}"
        case Shown.ABOUT if answer.span is not None:
            low, high = answer.span
            return f"{low:,}–{high:,}", f"between {low:,} and {high:,}"
        case Shown.ABOUT:
            return f"≈ {answer.count:,}", f"about {answer.count:,}"
        case Shown.EXACT:
            return f"{answer.count:,}", f"{answer.count:,}"


def by_dataset(rows: Sequence[NodeAnswer], *, unit: str) -> Chart:
    """A question's answer: a bar for each dataset that said yes; the longest first."""
    bars = [
        counted(row.name, one.dataset or row.name, one)
        for row in rows
        for one in row.sets
        if one.exists
    ]
    bars.sort(key=lambda bar: -bar.size)
    columns = ("Node", "Dataset", unit)
    return chart(f"{unit} by dataset", "by-dataset", columns, bars)


def by_population(rows: Sequence[NodeAnswer]) -> Chart:
    """The allele's frequency in every population that a record names."""
    bars = [
        _frequency(row.name, one.dataset or "the node as a whole", found)
        for row in rows
        for one in row.sets
        for found in one.frequencies
    ]
    columns = ("Dataset", "Node and population", "Allele frequency")
    return chart("Allele frequency by node and population", "frequencies", columns, bars)


def _frequency(node: str, dataset: str, found: Frequency) -> Bar:
    written = f"{found.value:.3g}"
    counts = ""
    if found.allele_count is not None and found.allele_number is not None:
        counts = f" ({found.allele_count:,} of {found.allele_number:,} alleles)"
    label = f"{node}: {found.population}"
    return Bar(dataset, label, found.value, written, written + counts)

"""Bars for a page to draw: how long each is, what stands beside it, and the same in words.

Pure. Only of released numbers, each of the kind in which it came (exact, about, fewer than, hidden,
none at all); nothing is added up, and nothing taken away, to draw a bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from portal.asking.answer import Frequency, NodeAnswer, SetAnswer, Shown
from portal.questions.question import Kind
from schemas.messages import Message, span

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
        nothing = Message("no answer")
        return Bar(code, label, 0, nothing, reason or nothing)
    bounds = answer.bounds
    beside, words = _told(answer)
    rough = answer.shown is not Shown.EXACT
    return Bar(code, label, bounds[1] if bounds is not None else 0, beside, words, rough)


def _told(answer: SetAnswer) -> tuple[str, str]:
    match answer.shown:
        case Shown.NO:
            return "0", "0"
        case Shown.HIDDEN:
            return Message("some; number hidden"), Message("yes, number hidden")
        case Shown.FEWER:
            below = answer.below or 0
            return f"< {below}", Message("fewer than %(below)s", below=below)
        case Shown.ABOUT if answer.span is not None:
            low, high = answer.span
            return span(low, high), Message("between %(low)s and %(high)s", low=low, high=high)
        case Shown.ABOUT:
            count = answer.count or 0
            return Message("≈ %(count)s", count=count), Message("about %(count)s", count=count)
        case Shown.EXACT:
            count = answer.count or 0
            return span(count, count), span(count, count)


def by_dataset(rows: Sequence[NodeAnswer], kind: Kind) -> Chart:
    """A question's answer: a bar for each dataset that said yes; the longest first."""
    bars = [
        counted(row.name, one.dataset or row.name, one)
        for row in rows
        for one in row.sets
        if one.exists
    ]
    bars.sort(key=lambda bar: -bar.size)
    if kind is Kind.INDIVIDUALS:
        title, unit = Message("People by dataset"), Message("People")
    else:
        title, unit = Message("Variants by dataset"), Message("Variants")
    return chart(title, "by-dataset", (Message("Node"), Message("Dataset"), unit), bars)


def by_population(rows: Sequence[NodeAnswer]) -> Chart:
    """The allele's frequency in every population that a record names."""
    bars = [
        _frequency(row.name, one.dataset or Message("the node as a whole"), found)
        for row in rows
        for one in row.sets
        for found in one.frequencies
    ]
    columns = (Message("Dataset"), Message("Node and population"), Message("Allele frequency"))
    title = Message("Allele frequency by node and population")
    return chart(title, "frequencies", columns, bars)


def _frequency(node: str, dataset: str, found: Frequency) -> Bar:
    share = float(f"{found.value:.3g}")
    words = beside = Message("%(share)s", share=share)
    if found.allele_count is not None and found.allele_number is not None:
        words = Message(
            "%(share)s (%(count)s of %(number)s alleles)",
            share=share, count=found.allele_count, number=found.allele_number,
        )  # fmt: skip
    label = Message("%(node)s: %(population)s", node=node, population=found.population)
    return Bar(dataset, label, found.value, beside, words)

"""Drawings are made of released bytes only, say what their table says, and carry nothing alive."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable

import numpy as np
import pytest
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st

from workspaces.airlock.candidates import Plot
from workspaces.errors import PlotRefused
from workspaces.plots import svg
from workspaces.plots.drawing import draw
from workspaces.plots.frame import ticks
from workspaces.plots.picture import Picture

Document = dict[str, object]


def released(document: Document) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def drawn(form: str, document: Document) -> Picture:
    raw = released(document)
    return draw(Plot(kind="plot", form=form, of=hashlib.sha256(raw).hexdigest()), raw)


def summary(count: int = 3_000, *, contigs: int = 22, hits: int = 3) -> Document:
    rng = np.random.default_rng(8)
    p = rng.random(count)
    p[:hits] = 10.0 ** -rng.uniform(8, 30, hits)
    variants = [
        {
            "allele": f"{number % contigs + 1}-{1_000 + 997 * number}-A-G",
            "people": 3_000,
            "minor_count": 0,
            "beta": 0.1,
            "standard_error": 0.02,
            "p": float(p[number]),
        }
        for number in range(count)
    ]
    return {"kind": "gwas-summary", "trait": "MDS <onset> & risk", "sites": 6, "variants": variants}


TABLE: Document = {
    "kind": "table",
    "rows": ["stage I", "stage II", "<script>alert(1)</script>"],
    "columns": ["male", "female"],
    "cells": [[120, 94], [55, None], [18, 31]],
}
CURVES: Document = {
    "kind": "aggregate-model",
    "people": 260,
    "sites": 3,
    "coefficients": {
        "control: time": [6.0, 14.0, 30.0], "control: survival": [0.8, 0.55, 0.3],
        "control: lower": [0.7, 0.45, 0.2], "control: upper": [0.88, 0.65, 0.41],
        "treated: time": [9.0, 25.0, 45.0], "treated: survival": [0.85, 0.6, 0.31],
    },
}  # fmt: skip
ALL: list[tuple[str, Callable[[], Document]]] = [
    ("manhattan", summary), ("qq", summary), ("bars", lambda: TABLE), ("survival", lambda: CURVES),
]  # fmt: skip


@pytest.mark.parametrize(("form", "document"), ALL)
def test_a_drawing_is_well_formed_names_itself_and_is_inert(
    form: str, document: Callable[[], Document]
) -> None:
    picture = drawn(form, document())
    root = ElementTree.fromstring(picture.svg)
    names = {element.tag.split("}")[1] for element in root.iter()}
    assert names <= {"svg", "title", "desc", "line", "text", "path", "rect", "circle"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not {
        one for one in attributes if one.startswith("on") or "href" in one or one == "style"
    }
    assert root.get("role") == "img"
    assert root.findtext("{*}title") == picture.title
    inks = {element.get(name) for element in root.iter() for name in ("fill", "stroke")}
    assert inks <= {None, "none", "currentColor"}


@pytest.mark.parametrize(("form", "document"), ALL)
def test_every_mark_lies_on_the_sheet(form: str, document: Callable[[], Document]) -> None:
    root = ElementTree.fromstring(drawn(form, document()).svg)
    width, height = map(float, str(root.get("viewBox")).split()[2:])
    for element in root.iter():
        for name in ("x", "x1", "x2", "cx"):
            assert 0 <= float(element.get(name, 0)) <= width
        for name in ("y", "y1", "y2", "cy"):
            assert 0 <= float(element.get(name, 0)) <= height


def test_the_manhattan_plot_marks_the_hits_and_the_table_begins_with_them() -> None:
    document = summary(hits=3)
    picture = drawn("manhattan", document)
    assert picture.svg.count("<circle") == 3
    assert "3 reach genome-wide significance" in picture.svg
    assert picture.rows[0][0] in picture.svg
    assert [float(row[1]) for row in picture.rows] == sorted(float(row[1]) for row in picture.rows)
    assert picture.more == 3_000 - len(picture.rows)
    assert "MDS &lt;onset&gt; &amp; risk" in picture.svg


def test_contigs_stand_in_the_order_of_the_genome() -> None:
    document = summary(60, contigs=3, hits=0)
    alleles = ["X", "10", "chr2"]
    for number, one in enumerate(document["variants"]):  # type: ignore[var-annotated, arg-type]
        one["allele"] = f"{alleles[number % 3]}-{1_000_000 * number + 1}-A-G"
    root = ElementTree.fromstring(drawn("manhattan", document).svg)
    texts = [element.text for element in root.findall("{*}text")]
    assert [one for one in texts if one in {"2", "10", "X"}][-3:] == ["2", "10", "X"]


def test_a_hundred_thousand_variants_stay_a_small_drawing() -> None:
    assert len(drawn("manhattan", summary(100_000)).svg) < 1_500_000
    assert len(drawn("qq", summary(100_000)).svg) < 100_000


def test_a_p_too_small_for_a_float_is_drawn_at_the_top() -> None:
    document = summary(50, hits=0)
    document["variants"][0]["p"] = 0.0  # type: ignore[index]
    for form in ("manhattan", "qq"):
        assert not re.search(r"\binf\b", drawn(form, document).svg)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_summary_of_almost_nothing_is_drawn(count: int) -> None:
    for form in ("manhattan", "qq"):
        assert "nan" not in drawn(form, summary(count, hits=0)).svg


def test_inflation_is_one_by_chance_and_more_where_statistics_are_inflated() -> None:
    by_chance = drawn("qq", summary(20_000, hits=0)).svg
    inflated = summary(20_000, hits=0)
    for one in inflated["variants"]:  # type: ignore[attr-defined]
        one["p"] = one["p"] ** 2
    assert 0.95 < float(by_chance.split("λ = ")[1][:5]) < 1.05
    assert float(drawn("qq", inflated).svg.split("λ = ")[1][:5]) > 2


def test_a_cell_not_shown_is_said_to_be_so() -> None:
    picture = drawn("bars", TABLE)
    assert picture.svg.count("<rect") == 5 + 2
    assert picture.rows[1] == ("stage II", "55", "not shown")
    assert "<script" not in picture.svg
    assert "1 cells are too small" in picture.svg


def test_survival_begins_with_everybody_and_only_falls() -> None:
    picture = drawn("survival", CURVES)
    assert ("control", "6", "0.8") in picture.rows
    assert picture.svg.count("<path") == 3
    assert "treated" in picture.svg


def changed(coefficients: dict[str, list[float]]) -> Document:
    return {**CURVES, "coefficients": coefficients}


@pytest.mark.parametrize(
    "coefficients",
    [
        {"age": [1.0]},
        {"a: time": [1.0]},
        {"a: time": [1.0], "a: survival": [0.5, 0.4]},
        {"a: time": [2.0, 1.0], "a: survival": [0.5, 0.4]},
        {"a: time": [0.0], "a: survival": [0.5]},
        {"a: time": [1.0], "a: survival": [1.5]},
        {"a: time": [], "a: survival": []},
        {f"{group}: {name}": [0.5] for group in "abcdefg" for name in ("time", "survival")},
    ],
)
def test_a_model_that_holds_no_curves_is_not_drawn(coefficients: dict[str, list[float]]) -> None:
    with pytest.raises(PlotRefused):
        drawn("survival", changed(coefficients))


@pytest.mark.parametrize(
    ("form", "document"),
    [("manhattan", TABLE), ("qq", CURVES), ("bars", CURVES), ("survival", TABLE)],
)
def test_a_form_is_drawn_only_of_its_kind(form: str, document: Document) -> None:
    with pytest.raises(PlotRefused, match="cannot be drawn"):
        drawn(form, document)


def test_only_the_released_bytes_that_the_plot_names_are_drawn() -> None:
    raw = released(TABLE)
    plot = Plot(kind="plot", form="bars", of=hashlib.sha256(raw).hexdigest())
    with pytest.raises(PlotRefused, match="another output"):
        draw(plot, raw.replace(b"120", b"121"))
    assert draw(plot, raw).title


def test_more_cells_than_a_chart_shows_are_refused() -> None:
    rows = [f"r{number}" for number in range(121)]
    document: Document = {"kind": "table", "rows": rows, "columns": ["a"], "cells": [[20]] * 121}
    with pytest.raises(PlotRefused, match="at most"):
        drawn("bars", document)


@given(st.text(), st.text())
def test_any_words_are_written_so_that_they_stay_words(inside: str, value: str) -> None:
    written = svg.element("text", inside, label=value)
    root = ElementTree.fromstring(written.text)
    assert not list(root)
    assert set(root.attrib) == {"label"}


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_round_inside_and_few(low: float, span: float) -> None:
    found = ticks(low, low + span)
    assert 1 <= len(found) <= 13
    assert all(low - 1e-6 * span <= one <= low + 1.000001 * span for one in found)

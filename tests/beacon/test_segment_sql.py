"""Nothing that is asked reaches SQL as text, whatever it is; every statement binds its values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beacon.catalog import (
    Allele,
    AminoacidChange,
    Annotations,
    ById,
    ByIdentifier,
    ChangeWithin,
    InGene,
    Span,
    VariantQuestion,
)
from beacon.errors import UnsupportedQuestion, UnsupportedVariantType
from beacon.segments import SqliteSegment
from tests.support.small_segment import row, segment_of

MARK = "zq9"
HOSTILE = st.builds(
    "{}{}{}".format,
    st.text(max_size=8),
    st.just(MARK),
    st.sampled_from(("", "'", "';--", '"', "%")),
)
PLACES = st.integers(-(2**70), 2**70)
WINDOWS = st.none() | st.tuples(PLACES, PLACES)
NARROWED = {
    "variant_type": st.none() | st.sampled_from(("DEL", "SNP", "CNV")) | HOSTILE,
    "min_length": st.none() | PLACES,
    "max_length": st.none() | PLACES,
    "ref": st.none() | HOSTILE,
    "alt": st.none() | HOSTILE,
}
CHROMS = st.sampled_from(("1", "X")) | HOSTILE
SPANS = st.builds(Span, CHROMS, PLACES, PLACES, starts=WINDOWS, ends=WINDOWS, **NARROWED)
GENES = st.builds(InGene, HOSTILE, **NARROWED)
CHANGES = st.builds(AminoacidChange, HOSTILE | st.just("V1M"), st.none() | HOSTILE)
QUESTIONS: st.SearchStrategy[VariantQuestion] = st.one_of(
    st.builds(Allele, CHROMS, PLACES, HOSTILE | st.just(""), HOSTILE | st.just("A")),
    SPANS,
    GENES,
    CHANGES,
    st.builds(ChangeWithin, CHANGES, SPANS | GENES),
    st.builds(ByIdentifier, st.builds("rs{}".format, PLACES) | st.builds("x:c.{}".format, HOSTILE)),
    st.builds(ById, HOSTILE | st.builds("1-{}-{}".format, PLACES, HOSTILE)),
)


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteSegment]:
    note = Annotations(("AAA",), (), ("V1M",), ("T:c.1A>G",), (), ("AAA",))
    rows = [
        row((1, 10, 11), ("A", "G"), "SNP", identifiers=("rs1",), annotations=note),
        row((1, 10, 5000), ("A", "<DEL>"), "DEL", length=4989),
        row((1, 20, 24), ("ACGT", "ACG"), "DEL"),
    ]
    folder: Path = tmp_path_factory.mktemp("sql")
    made = segment_of(folder, rows, genes="annotation", aminoacid_changes=True)
    yield made
    made.close()


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(asked=QUESTIONS, skip=st.integers(0, 2**70), limit=st.integers(0, 5))
def test_no_question_reaches_sql_as_text(
    segment: SqliteSegment, asked: VariantQuestion, skip: int, limit: int
) -> None:
    statements: list[str] = []
    plain = segment._all

    def recorded(sql: str, *values: object) -> list[Any]:
        statements.append(sql)
        return plain(sql, *values)

    for part in (segment._table, segment._table._alleles, segment._rows):
        part._ask = recorded
    try:
        segment.variants(asked, people=None, skip=skip, limit=limit)
    except (UnsupportedQuestion, UnsupportedVariantType):
        return
    assert not any(MARK in sql for sql in statements)

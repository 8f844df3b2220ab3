"""Nothing that is asked reaches SQL as text, whatever it is; every statement binds its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beacon.catalog import (
    Affecting,
    Allele,
    AminoacidChange,
    Annotations,
    AnyOf,
    ById,
    ByIdentifier,
    ChangeWithin,
    Compare,
    Edited,
    EntryType,
    HasTerm,
    InGene,
    Not,
    Predicate,
    Segment,
    Span,
    VariantQuestion,
    WithoutEffects,
)
from beacon.effect_rules import EffectRule
from beacon.errors import UnsupportedFilter, UnsupportedQuestion, UnsupportedVariantType
from beacon.loading.load import load
from beacon.segment.statements import Statements
from beacon.segments import SegmentCatalog, SqliteSegment
from beacon.zygosity import Zygosity
from tests.support import beacon_node
from tests.support.small_segment import row, segment_of

MARK = "zq9"
_CARRIED = {
    "samples": np.array([0, 2], dtype=np.uint32),
    "genotypes": np.array([1, 1], dtype=np.uint16),
}
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
PLAIN: st.SearchStrategy[WithoutEffects] = st.one_of(
    st.builds(Edited, CHROMS, PLACES, PLACES, st.sampled_from(("DEL", "DUP", "INV"))),
    st.builds(Allele, CHROMS, PLACES, HOSTILE | st.just(""), HOSTILE | st.just("A")),
    SPANS,
    GENES,
    CHANGES,
    st.builds(ChangeWithin, CHANGES, SPANS | GENES),
    st.builds(ByIdentifier, st.builds("rs{}".format, PLACES) | st.builds("x:c.{}".format, HOSTILE)),
    st.builds(ById, HOSTILE | st.builds("1-{}-{}".format, PLACES, HOSTILE)),
)
RULES = st.builds(EffectRule, st.tuples(st.tuples(HOSTILE)), st.sampled_from(("01", "10")))
QUESTIONS: st.SearchStrategy[VariantQuestion] = PLAIN | st.builds(
    Affecting, RULES, st.none() | PLAIN
)
ENTITIES: st.SearchStrategy[EntryType] = st.sampled_from(
    ("individual", "biosample", "run", "analysis", "cohort", "dataset")
)
LEAVES: st.SearchStrategy[Predicate] = st.one_of(
    st.builds(HasTerm, HOSTILE, st.booleans(), st.none() | ENTITIES),
    st.builds(HasTerm, st.builds("sex:{}".format, HOSTILE)),
    st.builds(
        Compare,
        HOSTILE | st.just("sex"),
        st.sampled_from(("=", "!", "<", ">=")),
        HOSTILE,
        st.none() | ENTITIES,
    ),
)
PREDICATES = st.recursive(
    LEAVES,
    lambda below: st.builds(AnyOf, st.tuples(below, below)) | st.builds(Not, below),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteSegment]:
    note = Annotations(("AAA",), (), ("V1M",), ("T:c.1A>G",), (), ("AAA",))
    rows = [
        row((1, 10, 11), ("A", "G"), "SNP", identifiers=("rs1",), annotations=note, **_CARRIED),
        row((1, 10, 5000), ("A", "<DEL>"), "DEL", length=4989, **_CARRIED),
        row((1, 20, 24), ("ACGT", "ACG"), "DEL", **_CARRIED),
    ]
    folder: Path = tmp_path_factory.mktemp("sql")
    made = segment_of(
        folder, rows, people="abc", genes="annotation", aminoacid_changes=True, effects=True
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def recorded_people(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    folder: Path = tmp_path_factory.mktemp("people")
    load(beacon_node.source(folder / "files", "A"), folder / "catalog")
    return SegmentCatalog(folder / "catalog").snapshot()["A"]


@pytest.fixture(scope="module")
def statements() -> Iterator[list[str]]:
    """Every statement that any part of a segment runs, as it is written."""
    written: list[str] = []
    plain = Statements.__call__

    def recorded(self: Statements, sql: str, *values: object) -> list[Any]:
        written.append(sql)
        return plain(self, sql, *values)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Statements, "__call__", recorded)
        yield written


FUZZED = settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
REFUSALS = (UnsupportedQuestion, UnsupportedVariantType, UnsupportedFilter)


@FUZZED
@given(
    asked=QUESTIONS,
    skip=st.integers(0, 2**70),
    limit=st.integers(0, 5),
    so=st.frozensets(st.sampled_from(list(Zygosity)), max_size=2),
)
def test_no_question_reaches_sql_as_text(
    segment: SqliteSegment,
    statements: list[str],
    asked: VariantQuestion,
    skip: int,
    limit: int,
    so: frozenset[Zygosity],
) -> None:
    statements.clear()
    with suppress(*REFUSALS):
        segment.variants(asked, samples=None, skip=skip, limit=limit, zygosity=so)
    with suppress(*REFUSALS):
        segment.carriers(asked, zygosity=so)
    assert not any(MARK in sql for sql in statements)


@FUZZED
@given(predicates=st.lists(PREDICATES, max_size=3), entity=ENTITIES, of=ENTITIES, name=HOSTILE)
def test_no_filter_and_no_id_reaches_sql_as_text(
    recorded_people: Segment,
    statements: list[str],
    predicates: list[Predicate],
    entity: EntryType,
    of: EntryType,
    name: str,
) -> None:
    statements.clear()
    for each in predicates:
        recorded_people.knows(each)
        recorded_people.objection(each)
    asked: tuple[Callable[[], object], ...] = (
        partial(recorded_people.matching, entity, predicates),
        partial(recorded_people.people, predicates),
        partial(recorded_people.belonging, entity, to=of, entry_id=name),
    )
    for asks in asked:
        with suppress(*REFUSALS):
            asks()
    assert recorded_people.entry(entity, name) is None
    assert recorded_people.person_number(name) is None
    assert recorded_people.stands_for(name) is None
    assert recorded_people.term_field(name) is None
    assert not any(MARK in sql for sql in statements)
    assert statements

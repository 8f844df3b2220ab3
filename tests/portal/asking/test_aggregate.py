"""Merging says no more than the nodes released, and names who is missing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portal.asking.aggregate import merge
from portal.asking.answer import NodeAnswer, Outcome, SetAnswer
from portal.questions.question import Kind


def _node(
    name: str, *sets: SetAnswer, outcome: Outcome = Outcome.OK, reason: str = ""
) -> NodeAnswer:
    return NodeAnswer(f"https://{name}", name, outcome, reason, 5, "anonymous", sets)


def _set(dataset: str | None, count: int | None, precision: str = "exact") -> SetAnswer:
    return SetAnswer(dataset, count is None or count > 0, count, precision)


LATE = _node("c", outcome=Outcome.LATE, reason="No answer within 5 s.")


def test_people_of_distinct_datasets_are_added() -> None:
    merged = merge(Kind.INDIVIDUALS, [_node("a", _set("x", 3)), _node("b", _set("x", 4))])
    assert (merged.low, merged.high, merged.precision) == (7, 7, "exact")
    assert merged.sentence == "7 people from all 2 nodes, an exact count."


def test_variants_of_two_datasets_are_a_range_because_they_may_be_the_same() -> None:
    merged = merge(Kind.VARIANTS, [_node("a", _set("x", 3)), _node("b", _set("y", 4))])
    assert (merged.low, merged.high, merged.precision) == (4, 7, "imprecise")
    assert merged.sentence.startswith("Between 4 and 7 variants")


def test_variants_are_distinct_when_every_record_came() -> None:
    sets = [SetAnswer(name, True, 2, "exact", variations=(b"1", b"2")) for name in ("x", "y")]
    merged = merge(Kind.VARIANTS, [_node("a", sets[0]), _node("b", sets[1])])
    assert (merged.low, merged.high, merged.precision) == (2, 2, "exact")


def test_a_hidden_count_lowers_the_answer_to_boolean_and_names_who_hid_it() -> None:
    merged = merge(Kind.INDIVIDUALS, [_node("a", _set("x", 3)), _node("b", _set(None, None))])
    assert (merged.exists, merged.low, merged.granularity) == (True, None, "boolean")
    assert merged.sentence == "Found at 2 nodes. No total: b gave only a yes or no."


def test_the_worst_precision_is_the_totals() -> None:
    merged = merge(
        Kind.INDIVIDUALS, [_node("a", _set("x", 3)), _node("b", _set("y", 10, "rounded"))]
    )
    assert merged.precision == "rounded"
    assert merged.sentence.startswith("About 13 people")


def test_an_unstated_precision_is_never_exact() -> None:
    assert merge(Kind.INDIVIDUALS, [_node("a", _set("x", 3, "unstated"))]).precision == "imprecise"


def test_a_dataset_with_a_persistent_id_counts_once_and_by_its_larger_answer() -> None:
    answers = [_node("a", _set("EGAD00001006673", 3)), _node("b", _set("EGAD00001006673", 5))]
    assert merge(Kind.INDIVIDUALS, answers).high == 5


def test_a_missing_node_is_named_with_its_reason() -> None:
    merged = merge(Kind.INDIVIDUALS, [_node("a", _set("x", 3)), LATE])
    assert merged.missing == ("c (late: No answer within 5 s.)",)
    assert "from 1 of 2 nodes" in merged.sentence


def test_a_no_of_some_is_not_a_no_of_all() -> None:
    merged = merge(Kind.VARIANTS, [_node("a", _set("x", 0), outcome=Outcome.EMPTY), LATE])
    assert merged.exists is False
    assert merged.sentence == "Not found at 1 of 2 nodes."


def test_nobody_answering_is_neither_yes_nor_no() -> None:
    merged = merge(Kind.VARIANTS, [LATE])
    assert (merged.exists, merged.low, merged.high) == (None, None, None)
    assert merged.sentence == "No node answered, so nothing is known."


def test_asking_nobody_says_nothing() -> None:
    assert merge(Kind.VARIANTS, []).exists is None


def test_a_suppressed_node_adds_nothing() -> None:
    silent = _node("b", outcome=Outcome.SUPPRESSED, reason="needs a grant")
    merged = merge(Kind.INDIVIDUALS, [_node("a", _set("x", 3)), silent])
    assert (merged.high, merged.tally.refused) == (3, 1)


@given(st.lists(st.sampled_from(list(Outcome)), max_size=30))
def test_every_node_asked_is_tallied_once(outcomes: list[Outcome]) -> None:
    tally = merge(
        Kind.INDIVIDUALS,
        [
            _node(str(n), *([_set("x", 1)] if one is Outcome.OK else []), outcome=one)
            for n, one in enumerate(outcomes)
        ],
    ).tally
    assert tally.asked == tally.answered + tally.late + tally.failed + tally.refused


def test_fewer_than_ten_makes_the_total_a_range() -> None:
    fewer = SetAnswer("y", True, None, "imprecise", below=10)
    merged = merge(Kind.INDIVIDUALS, [_node("a", _set("x", 20)), _node("b", fewer)])
    assert (merged.low, merged.high, merged.precision) == (21, 29, "imprecise")
    assert merged.sentence.startswith("Between 21 and 29 people")

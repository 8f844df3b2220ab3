"""A bar says what was released, in the kind in which it came, and never more."""

from __future__ import annotations

import pytest

from portal.asking.answer import Frequency, NodeAnswer, Outcome, SetAnswer
from portal.asking.reading import read
from portal.questions.question import Kind
from portal.results.charts import MAX_BARS, by_dataset, by_population, chart, counted

COLUMNS = ("a", "b", "c")


def answer(
    count: int | None, precision: str = "exact", *, below: int | None = None,
    span: tuple[int, int] | None = None, exists: bool = True,
) -> SetAnswer:  # fmt: skip
    return SetAnswer("d", exists, count, precision, below=below, span=span)


def row(*sets: SetAnswer, name: str = "Isle") -> NodeAnswer:
    return NodeAnswer("https://a", name, Outcome.OK, "", 1, "anonymous", sets=sets)


@pytest.mark.parametrize(
    ("said", "beside", "words", "rough"),
    [
        (answer(1234), "1,234", "1,234", False),
        (answer(40, "rounded"), "≈ 40", "about 40", True),
        (answer(40, "unstated"), "≈ 40", "about 40", True),
        (answer(None, below=10), "< 10", "fewer than 10", True),
        (answer(12, "imprecise", span=(8, 16)), "8–16", "between 8 and 16", True),
        (answer(None), "some; number hidden", "yes, number hidden", True),
        (answer(0, exists=False), "0", "0", True),
    ],
)
def test_each_kind_of_number_is_written_as_itself(
    said: SetAnswer, beside: str, words: str, rough: bool
) -> None:
    bar = counted("T:1", "term", said)
    assert (bar.beside, bar.words, bar.rough) == (beside, words, rough)


def test_no_answer_is_no_number_and_has_its_reason() -> None:
    bar = counted("T:1", "term", None, reason="The node is late.")
    assert (bar.size, bar.beside, bar.words) == (0, "no answer", "The node is late.")


def test_bars_are_measured_against_the_longest_and_hidden_ones_have_no_length() -> None:
    bars = [counted("T", "t", one) for one in (answer(5), answer(20), answer(None))]
    assert [one.share for one in chart("t", "t", COLUMNS, bars).bars] == [25, 100, 0]
    assert chart("t", "t", COLUMNS, []).bars == ()


def test_what_is_not_drawn_is_said() -> None:
    bars = [counted("T", str(n), answer(n)) for n in range(MAX_BARS + 3)]
    made = chart("t", "t", COLUMNS, bars)
    assert (len(made.bars), made.left_out) == (MAX_BARS, 3)


def test_a_questions_bars_are_the_datasets_that_said_yes_the_longest_first() -> None:
    rows = [row(answer(3), answer(0, exists=False)), row(answer(9), name="Far")]
    made = by_dataset(rows, Kind.INDIVIDUALS)
    assert [(bar.code, bar.beside) for bar in made.bars] == [("Far", "9"), ("Isle", "3")]


def test_frequencies_are_named_by_node_dataset_and_population() -> None:
    one = SetAnswer(
        "d", exists=True, count=1, precision="exact",
        frequencies=(Frequency("NFE", 0.125, 5, 40), Frequency("SAS", 0.0000123)),
    )  # fmt: skip
    made = by_population([row(one)])
    assert [(bar.code, bar.label, bar.words) for bar in made.bars] == [
        ("d", "Isle: NFE", "0.125 (5 of 40 alleles)"),
        ("d", "Isle: SAS", "1.23e-05"),
    ]


def _with_records(*records: object) -> SetAnswer:
    sets = [{"id": "d", "exists": True, "resultsCount": 1, "results": list(records)}]
    said = {"responseSummary": {"exists": True}, "response": {"resultSets": sets}}
    return read(200, said).sets[0]


def _record(*frequencies: object) -> dict[str, object]:
    return {"frequencyInPopulations": [{"source": "s", "frequencies": list(frequencies)}]}


def test_frequencies_are_read_from_the_record_of_one_variant() -> None:
    found = _with_records(
        _record({"population": "NFE", "alleleFrequency": 0.5, "alleleCount": 1, "alleleNumber": 2})
    )
    assert found.frequencies == (Frequency("NFE", 0.5, 1, 2),)


@pytest.mark.parametrize("value", [1.5, -0.1, "0.5", None, float("nan"), [0.5]])
def test_what_is_no_frequency_is_left_out(value: object) -> None:
    assert _with_records(_record({"alleleFrequency": value})).frequencies == ()


def test_frequencies_of_several_variants_are_not_mixed_up() -> None:
    one = _record({"alleleFrequency": 0.5})
    assert _with_records(one, one).frequencies == ()
    assert _with_records("x").frequencies == ()
    assert _with_records({"frequencyInPopulations": [{"frequencies": 3}, None]}).frequencies == ()

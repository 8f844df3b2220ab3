"""What the demo's portal proposes can be asked, and finds people in the demo's own files."""

from __future__ import annotations

from pathlib import Path

from gateway.demo import data, examples
from gateway.demo.smoke import truth
from gateway.demo.smoke.truth import Files
from portal.questions.question import Kind, parse


def test_every_example_is_a_question_and_finds_somebody(tmp_path: Path) -> None:
    plans = data.synthetic(tmp_path, nodes=1)
    questions = []
    for example in examples.examples(plans):
        first, _, rest = example.partition(";")
        questions.append(parse(first, terms=rest))
    variant, region, disease, both = questions
    source = plans[0][0].source
    assert source.individuals is not None
    files = Files(source.individuals, source.vcfs[0], source.keep_people)
    people = truth.people(files)
    (term,) = (str(one["id"]) for one in disease.filters)
    assert truth.with_disease(files, frozenset({term}))
    assert variant.site is not None
    assert region.site is not None
    assert region.site.start0 < variant.site.start0 < region.site.end0
    assert both.kind is Kind.INDIVIDUALS
    assert both.parameters == variant.parameters
    assert {str(one["id"]) for one in both.filters} <= {one["sex"]["id"] for one in people}

"""What a load tells is said in the reader's language where it is one of the known sentences."""

from __future__ import annotations

import ast
from pathlib import Path

from beacon.errors import Problem
from gateway.holding import processes
from gateway.holding.processes import JobState
from gateway.pages.admin import load_in_words
from portal.catalogues import Quoted, say
from schemas.messages import Message

ROOT = Path(__file__).parents[3]


def _of_the_loader() -> set[str]:
    """Every text of the modules that check and load."""
    places = [*(ROOT / "beacon" / "loading").rglob("*.py"), *(ROOT / "beacon").glob("*.py")]
    places += [ROOT / "gateway" / "holding" / "load.py", *(ROOT / "beacon/segment").glob("*.py")]
    return {
        node.value
        for path in places
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_each_known_sentence_is_one_of_the_loaders() -> None:
    said = _of_the_loader()
    entities = {f"{one}, read" for one in ("individual", "biosample", "run", "analysis", "cohort")}
    texts = {one.removeprefix("left out: ") for one in said}
    assert set(load_in_words.WORDS) - texts == set()
    assert set(load_in_words.READ) - entities - said == set()


def test_counts_keep_the_loaders_order_and_say_why() -> None:
    told = {
        "version": "v-1",
        "people": 2,
        "left out: line without genotypes": 3,
        "lost: people.csv: column centre not read": 4,
    }
    shown = list(load_in_words.lines(told))
    assert [one.what for one in shown] == ["its version", "people", "left out", "lost"]
    assert [one.value for one in shown] == ["v-1", 2, 3, 4]
    assert say("de", shown[2].reason) == "Zeile ohne Genotypen"
    assert isinstance(shown[3].reason, Quoted)


def test_a_problem_that_is_known_is_german_and_another_stays_the_loaders_own() -> None:
    known = Problem("a.vcf", "", "", "a VCF header", "check that it is a VCF or BCF file")
    other = Problem("a.vcf", "line 4", "", "at most 12 bytes of JSON")
    sentences, places = load_in_words.problems(["broken", Message("It failed."), known, other])
    assert [type(one) for one in sentences] == [Quoted, Message]
    assert say("de", places[0].expected) == "ein VCF-Kopf"
    assert type(places[1].expected) is Quoted
    assert (
        say("de", places[1].next_step) == "berichtigen Sie die Datei und laden Sie sie noch einmal"
    )


def test_what_a_process_leaves_is_read_as_it_was_said(tmp_path: Path) -> None:
    problems = (
        Message("%(file)s cannot be read", file="x"),
        Problem("a.vcf", "line 4", "POS", Message("a number")),
    )
    (tmp_path / "check.lock").touch()
    processes.Teller(tmp_path / "check.progress.json").write("", 0)
    said = {"version": "v", "people": 2, "a": 1}
    processes.end(tmp_path, "check", said=said, problems=problems)
    found = processes.progress(tmp_path, "check")
    assert found.state is JobState.FAILED
    assert found.problems == problems
    assert isinstance(found.problems[0], Message)
    assert isinstance(found.problems[1], Problem)
    assert isinstance(found.problems[1].expected, Message)
    assert list(found.said) == ["version", "people", "a"]

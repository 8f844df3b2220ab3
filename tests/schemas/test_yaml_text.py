"""YAML text as plain values: what is refused, and where a value was written."""

from __future__ import annotations

import pytest

from schemas import yaml_text
from schemas.yaml_text import NotYaml


def test_values_and_their_lines_are_read() -> None:
    read = yaml_text.read(b"a: 1\nb:\n  - x: yes\n  - y: [2]\n")
    assert read.content == {"a": 1, "b": [{"x": True}, {"y": [2]}]}
    assert [read.line(path) for path in ((), ("a",), ("b", 1, "y"), ("b", 7), ("c",))] == [
        *(1, 1, 4, 2, 1),
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_a_text_without_values_is_nothing(text: str) -> None:
    read = yaml_text.read(text)
    assert (read.content, read.line(("a",))) == (None, 1)


def test_an_alias_stands_for_what_it_names() -> None:
    text = "a: &one {x: [1]}\nb: *one\nc: {<<: *one, y: 2}\n"
    assert yaml_text.read(text).content == {
        "a": {"x": [1]},
        "b": {"x": [1]},
        "c": {"x": [1], "y": 2},
    }


def test_aliases_that_multiply_are_refused_before_they_are_written_out() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(NotYaml, match="more than 200000 values"):
        yaml_text.read("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2", "key written twice"),
        ("a: 1\nb: [", "line 2: not YAML"),
        ("x\n---\ny", "line 2: not YAML"),
        ("&a [*a]", "line 1: an alias inside"),
        ("!!python/object/apply:os.getcwd []", "line 1: not YAML"),
        ('"\\ud800"', "not YAML that can be read"),
    ],
)
def test_what_is_refused_is_named_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(NotYaml) as refused:
        yaml_text.read(text)
    assert said in refused.value.public

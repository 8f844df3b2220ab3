"""Disease tables from a folder: read whole and named by release and content, or refused."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duo.disease import Cover, no_hierarchy
from duo.errors import HierarchyInvalid
from duo.ontology import load_ontology

ISA = "id\tlabel\tparents\nA:1\tx\t\nA:2\ty\tA:1\n"
OBO = """format-version: 1.2
data-version: releases/2026-01-06

[Term]
id: MONDO:0004992
name: cancer
xref: DOID:162 {source="MONDO:equivalentTo"}
xref: ICD10CM:C80 {source="MONDO:relatedTo"}
property_value: exactMatch http://identifiers.org/mesh/D009369

[Term]
id: MONDO:0008903
name: lung cancer
xref: OMIM:211980 {source="OMIM", source="MONDO:equivalentTo"}
xref: Orphanet:70567 {source="MONDO:equivalentTo"}
xref: NCIT:C7377 {source="MONDO:equivalentTo"}
is_a: MONDO:0004992 {source="DOID:1324"} ! cancer

[Term]
id: MONDO:0000002
is_obsolete: true
replaced_by: MONDO:0008903

[Term]
id: MONDO:0000003
is_obsolete: true
consider: MONDO:0008903

[Typedef]
id: has_modifier
"""


def folder(root: Path, **tables: str) -> Path:
    for name, text in tables.items():
        file = root / name.replace("__", ".").replace("_", "-")
        file.write_text(text)
    return root


def test_tables_are_read_with_matches_and_successors(tmp_path: Path) -> None:
    loaded = load_ontology(
        folder(
            tmp_path,
            mondo_isa__tsv=ISA,
            mondo_obsolete__tsv="id\treplaced_by\nA:8\tA:2\nA:9\tA:1|A:2\nA:7\t\n",
            mondo_doid_exact__tsv="a\tb\nA:2\tDOID:1\nA:1\tDOID:2\nA:2\tDOID:2\n",
            mondo_omim_exact__tsv="a\tb\nA:2\tMIM:5\n",
            release__txt="2022-09-06\n",
        )
    )
    assert loaded.release.startswith("2022-09-06+")
    for asked, known in {"DOID:1": "A:2", "OMIM:5": "A:2", "A:8": "A:2"}.items():
        assert loaded.known(asked) == known
    assert [loaded.known(unsure) for unsure in ("DOID:2", "A:9", "A:7")] == [None] * 3


def test_an_obo_file_is_read_as_published(tmp_path: Path) -> None:
    loaded = load_ontology(folder(tmp_path, mondo__obo=OBO))
    assert loaded.release.startswith("2026-01-06+")
    for lung in ("OMIM:211980", "Orphanet:70567", "NCIT:C7377", "MONDO:0000002"):
        assert loaded.covers(["DOID:162"], lung) is Cover.YES
    assert loaded.covers(["MONDO:0008903"], "MONDO:0004992") is Cover.NO
    assert loaded.known("ICD10CM:C80") is None
    assert loaded.known("MONDO:0000003") is None


def test_other_tables_have_another_release(tmp_path: Path) -> None:
    first = load_ontology(folder(tmp_path, mondo_isa__tsv=ISA)).release
    second = load_ontology(folder(tmp_path, mondo_isa__tsv=ISA + "A:3\tz\tA:1\n")).release
    assert first.startswith("unnamed+")
    assert first != second


def test_no_folder_is_no_knowledge(tmp_path: Path) -> None:
    assert load_ontology(tmp_path / "none") == no_hierarchy()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id\tlabel\tparents\nA:1\tx\tA:2\n", "parent A:2"),
        ("id\tlabel\tparents\nA:1\tx\tA:2\nA:2\ty\tA:1\n", "above themselves"),
        ("id\tlabel\tparents\nA:1\tx\n", "line 2"),
        ("id\tlabel\tparents\nA:1\tx\t\nA:1\ty\t\n", "twice"),
        ("id\tlabel\tparents\n", "no disease"),
        ("", "no disease"),
        ("id\tlabel\tparents\nA:1\t" + "x" * 200_000 + "\t\n", "not a table"),
    ],
)
def test_a_hierarchy_that_does_not_hold_is_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(HierarchyInvalid, match=said):
        load_ontology(folder(tmp_path, mondo_isa__tsv=text))


def test_a_folder_without_a_hierarchy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HierarchyInvalid, match=r"mondo\.obo or mondo-isa\.tsv"):
        load_ontology(tmp_path)
    with pytest.raises(HierarchyInvalid, match="no disease"):
        load_ontology(folder(tmp_path, mondo__obo="format-version: 1.2\n"))


ids = st.sampled_from(["A:1", "A:2", "A:3", "", "A:1|A:2", "x"])
lines = st.lists(ids, max_size=4).map("\t".join) | st.text(max_size=20)
tags = st.sampled_from(["id", "is_a", "replaced_by", "is_obsolete", "xref", "property_value"])
obo_lines = st.builds("{}: {}".format, tags, ids | st.just("true")) | st.just("[Term]")


@given(st.lists(lines, max_size=8), st.lists(lines, max_size=4), st.lists(obo_lines | lines))
@settings(max_examples=150, deadline=None)
def test_whatever_the_files_hold_they_are_read_or_refused(
    isa: list[str], exact: list[str], obo: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as root:
        for name, rows in (("isa", isa), ("obo", obo)):
            place = Path(root) / name
            place.mkdir()
            file = place / ("mondo-isa.tsv" if name == "isa" else "mondo.obo")
            file.write_text("\n".join(["id\tlabel\tparents", *rows]), "utf-8", "surrogatepass")
            (place / "x-exact.tsv").write_text("\n".join(exact), "utf-8", "surrogatepass")
            with contextlib.suppress(HierarchyInvalid):
                loaded = load_ontology(place)
                assert loaded.covers(["A:1"], "A:2") in Cover


def test_what_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mondo-isa.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(HierarchyInvalid, match="UTF-8"):
        load_ontology(tmp_path)


def test_a_table_has_a_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duo.ontology.MAX_TABLE_BYTES", 10)
    with pytest.raises(HierarchyInvalid, match="larger than 10 bytes"):
        load_ontology(folder(tmp_path, mondo_isa__tsv=ISA))

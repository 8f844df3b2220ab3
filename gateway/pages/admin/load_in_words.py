"""What a check or load of a dataset tells, for its admin's page.

The loader speaks English, to a terminal, a file and this page alike. What it says most is a message
here and is said in the reader's language; the rest is quoted. Each of these sentences stands in the
loader, letter by letter (a test compares).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from beacon.errors import Problem
from portal.catalogues import Quoted
from schemas.messages import Message

_COUNTED = {"left out: ": Message("left out"), "lost: ": Message("lost")}
READ = {
    "individual, read": Message("people read"),
    "biosample, read": Message("biosamples read"),
    "run, read": Message("runs read"),
    "analysis, read": Message("analyses read"),
    "cohort, read": Message("cohorts read"),
    "genomicVariations, read": Message("BFF variants read"),
    "lines of variant files": Message("lines of variant files"),
    "genomicVariant": Message("variants read"),
    "genomicVariant, checked": Message("variants checked"),
    "genomicVariant, indexed": Message("variants indexed"),
    "alleles kept by the load that was cut": Message("alleles kept of a load that was cut off"),
    "dataset": Message("dataset"),
    "version": Message("its version"),
    "people": Message("people"),
    "variants": Message("variants"),
    "note": Message("note"),
}
WORDS = {
    str(one): one
    for one in (
        Message("complete"),
        Message("no policy in force names this dataset, so nobody is answered from it"),
        # what is left out or lost
        Message("record that could not be read"),
        Message("sample without an individual"),
        Message("sequence outside 1..22, X, Y, MT"),
        Message("line without genotypes"),
        Message("line without ALT alleles"),
        Message("allele not stored (*, unknown symbolic or not ACGTN)"),
        Message("symbolic allele without a usable END or SVLEN"),
        Message("record without caseLevelData in a file that has them"),
        Message("genomic interpretation without a place on the assembly"),
        Message("genomic interpretation, left out as wanted"),
        Message("HGVS name of another assembly"),
        Message("amino-acid change that is not understood"),
        # what was expected
        Message("a file that exists"),
        Message("a file that can be read"),
        Message("a complete gzip file"),
        Message("UTF-8 JSON"),
        Message("a JSON object"),
        Message("a JSON array of records"),
        Message("an id"),
        Message("an id that no other record has"),
        Message("the id of a record that was given"),
        Message("an ontology term id such as HP:0000118"),
        Message("true or false"),
        Message("a record that is not nested too deep"),
        Message("at least one person"),
        Message("a VCF header"),
        Message("a VCF or BCF file"),
        Message("complete compressed blocks"),
        Message("the BGZF end-of-file block"),
        Message("an indexed FASTA file"),
        Message("what the reference has there"),
        Message("genotypes in every variant file, or in none"),
        Message("one assembly in the header"),
        Message("each allele once in a source"),
        Message("a table that exists"),
        Message("a column of that name"),
        Message("a number"),
        Message("a date such as 2021-09-24"),
        Message("a phenopacket of schema 2.0"),
        Message("a line that can be read"),
        Message("no variants of phenopackets beside variant files, which say who carries what"),
        # what to do next
        Message("correct the file and load again"),
        Message("correct the record, or leave it out with --max-rejected"),
        Message("check the path"),
        Message("check its rights"),
        Message("check the format"),
        Message("split the source"),
        Message("split the file by assembly"),
        Message("the file is cut off: copy it again"),
        Message("the file is cut off or damaged: copy it again and compare checksums"),
        Message("if the content is genuine, give the file unpacked"),
        Message("load the sites as their own dataset"),
        Message("load each assembly as its own dataset"),
        Message("check the assembly, or drop these lines with bcftools norm -c x"),
        Message("merge the records, for example with bcftools norm -d none"),
        Message("check that it is a VCF or BCF file"),
        Message("leave the line out"),
        Message("lift it over to one of the two"),
        Message(
            "load them as a dataset of their own, or leave them out with --without-interpretations"
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Line:
    """One count or fact: `what` it is, the loader's reason where there is one, and how many."""

    what: str
    reason: str
    value: object


def lines(told: Mapping[str, object]) -> Iterator[Line]:
    """In the order the loader told them."""
    for name, value in told.items():
        said = words(value) if isinstance(value, str) else value
        for start, what in _COUNTED.items():
            if name.startswith(start):
                yield Line(what, words(name.removeprefix(start)), said)
                break
        else:
            yield Line(READ.get(name) or Quoted(name), "", said)


def problems(found: Iterable[str | Problem]) -> tuple[list[str], list[Problem]]:
    """The sentences, and the places of files."""
    sentences, places = list[str](), list[Problem]()
    for one in found:
        if isinstance(one, str):
            sentences.append(one if isinstance(one, Message) else Quoted(one))
            continue
        expected, step = words(one.expected), words(one.next_step)
        places.append(Problem(one.file, one.where, one.field, expected, step))
    return sentences, places


def words(said: str) -> str:
    """A message where it is one of ours, else a quotation, where it is a sentence at all."""
    if isinstance(said, Message):
        return said
    return WORDS.get(said) or (Quoted(said) if " " in said else said)

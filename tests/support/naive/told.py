"""Holds the records of an answer against the raw files: every member that a file determines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.naive.answers import NaiveDataset, Question, Truth
from tests.support.naive.carrying import HEMIZYGOUS, HOMOZYGOUS, zygosity
from tests.support.naive.changes import Change, spellings
from tests.support.naive.reading import NaiveVariant

MAX_CALLS = 20_000  # that an answer tells; it says of each variant how many it leaves out


def check_records(
    records: Sequence[Mapping[str, Any]], question: Question, truth: Truth, data: NaiveDataset
) -> None:
    page = truth.page(data.id, question)
    if question.returned == "individual" and question.packets:
        _check_packets(records, page, data)
        return
    if question.returned != "genomicVariant":
        raw = {each["id"]: each for each in data.archive.records[question.returned]}
        assert [each["id"] for each in records] == list(page)
        for each in records:
            assert each == {k: v for k, v in raw[each["id"]].items() if k != "ids"}
        return
    found = [each for each in truth.found[data.id] if isinstance(each, NaiveVariant)]
    assert len(records) == len(page)
    assert len({each["variantInternalId"] for each in records}) == len(records)
    places = [(data.variants.rank(_chrom(each, data)), _start0(each)) for each in records]
    assert places == sorted(places)
    calls = sum(_check_variant(record, _taken(record, found, data), data) for record in records)
    left_out = sum("info" in record for record in records)
    assert not left_out or calls > MAX_CALLS


def _check_packets(
    records: Sequence[Mapping[str, Any]], page: Sequence[Any], data: NaiveDataset
) -> None:
    """People as phenopackets: who they are, what they have and what they have not."""
    raw = {each["id"]: each for each in data.archive.records["individual"]}
    assert [each["subject"]["id"] for each in records] == list(page)
    for each in records:
        of = raw[each["subject"]["id"]]
        assert [one["term"] for one in each.get("diseases", ())] == [
            one["diseaseCode"] for one in of.get("diseases", ())
        ]
        assert [
            (one["type"], one.get("excluded", False)) for one in each.get("phenotypicFeatures", ())
        ] == [
            (one["featureType"], one.get("excluded", False))
            for one in of.get("phenotypicFeatures", ())
        ]


def _taken(record: Mapping[str, Any], left: list[NaiveVariant], data: NaiveDataset) -> NaiveVariant:
    """The variant a record is of, which no other record may be of; of several of one change in a
    file, the one written so and as often."""
    same = [each for each in left if _same(record, each, data)]
    assert same, record["variantInternalId"]
    said = record["variation"]
    written = (_start0(record), said.get("referenceBases"), said.get("alternateBases"))
    copies = _frequencies(record).get(data.id, {}).get("alleleCount", 0)

    def unlike(one: NaiveVariant) -> tuple[bool, bool]:
        bases = (one.change.start0, one.change.ref, one.change.alt)
        return bases != written, one.allele_count != copies

    taken = min(same, key=unlike)
    left.remove(taken)
    return taken


def _chrom(record: Mapping[str, Any], data: NaiveDataset) -> str:
    return data.variants.chrom_of(record["variation"]["location"]["sequence_id"])


def _start0(record: Mapping[str, Any]) -> int:
    return int(record["variation"]["location"]["interval"]["start"]["value"])


def _same(record: Mapping[str, Any], each: NaiveVariant, data: NaiveDataset) -> bool:
    said = record["variation"]
    chrom = _chrom(record, data)
    if chrom != each.change.chrom:
        return False
    if each.symbolic:
        span = said["location"]["interval"]
        place = (span["start"]["value"], span["end"]["value"])
        return said["variantType"] == {"CN0": "DEL"}.get(each.kind, each.kind) and place == (
            each.start0,
            each.end0,
        )
    if "referenceBases" not in said:
        return False
    change = Change(chrom, _start0(record), said["referenceBases"], said["alternateBases"])
    return change.identity(data.reference) == each.identity


def _check_variant(record: Mapping[str, Any], each: NaiveVariant, data: NaiveDataset) -> int:
    """How many calls the variant has."""
    _check_frequencies(_frequencies(record), each, data)
    told = {
        called["biosampleId"]: called.get("zygosity", {}).get("id")
        for called in record["caseLevelData"]
    }
    assert told.items() <= {sample: zygosity(call) for sample, call in each.calls.items()}.items()
    left_out = record.get("info", {}).get("caseLevelDataLeftOut", 0)
    assert len(told) + left_out == len(each.calls)
    assert record["variation"]["variantType"] == {"CN0": "DEL"}.get(each.kind, each.kind)
    _check_names(record.get("identifiers", {}), each, data)
    said = record.get("molecularAttributes", {})
    assert set(said.get("geneIds", ())) == {
        one.gene for one in each.effects if one.of_gene(one.gene)
    }
    changes = {one.amino_acids() for one in each.effects} - {None}
    assert set(said.get("aminoacidChanges", ())) == changes
    effects = {term for one in each.effects for term in one.terms}
    assert {one["label"] for one in said.get("molecularEffects", ())} == effects
    return len(each.calls)


def _frequencies(record: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """By population; the whole dataset is one."""
    stated = [
        part for each in record.get("frequencyInPopulations", ()) for part in each["frequencies"]
    ]
    assert len({each["population"] for each in stated}) == len(stated)
    return {each["population"]: each for each in stated}


def _check_frequencies(
    said: Mapping[str, Mapping[str, Any]], each: NaiveVariant, data: NaiveDataset
) -> None:
    stated = {name for name, part in each.parts.items() if "AF" in part or part.get("AN")}
    assert said.keys() - {data.id} == stated
    assert (data.id in said) is (each.allele_number > 0)
    if data.id in said:
        whole = said[data.id]
        assert whole["alleleCount"] == each.allele_count
        assert whole["alleleNumber"] == each.allele_number
        assert whole["alleleFrequency"] == each.allele_count / each.allele_number
        assert whole.get("homozygotes") == _in_copies(each, HOMOZYGOUS, data, each.homozygous)
        assert whole.get("hemizygotes") == _in_copies(each, HEMIZYGOUS, data, None)
        people = len(set(map(data.genotyped.person, each.calls)))
        assert whole.get("carriers") == (people if data.samples else None)
    for name in stated:
        part = each.parts[name]
        frequency = part["AF"] if "AF" in part else part["AC"] / part["AN"]
        assert math.isclose(said[name]["alleleFrequency"], frequency, rel_tol=1e-6)  # 32 bits
        assert said[name].get("alleleCount") == part.get("AC")
        assert said[name].get("alleleNumber") == part.get("AN")


def _in_copies(
    each: NaiveVariant, copies: str, data: NaiveDataset, stated: int | None
) -> int | None:
    if not data.samples:
        return stated
    return sum(zygosity(call) == copies for call in each.calls.values())


def _check_names(said: Mapping[str, Any], each: NaiveVariant, data: NaiveDataset) -> None:
    others = [other["id"] for other in said.get("variantAlternativeIds", ())]
    names = {name.removeprefix("dbSNP:") for name in others} | {said.get("clinvarVariantId", "")}
    assert each.names <= names
    assert set(said.get("transcriptHGVSIds", ())) == {one.transcript for one in each.effects} - {""}
    assert set(said.get("proteinHGVSIds", ())) == {one.protein for one in each.effects} - {""}
    known = data.reference is not None or each.kind in {"SNP", "MNP", "INDEL"}
    spelled = [name for name in names if name.startswith("NC_")]
    assert bool(spelled) is (known and not each.symbolic)
    if not spelled:
        assert "genomicHGVSId" not in said
        return
    for name in (*spelled, *([said["genomicHGVSId"]] if "genomicHGVSId" in said else ())):
        change = data.variants.read(name)
        if change is not None:  # without a reference `inv` and `delins` leave bases unsaid
            assert change.identity(data.reference) == each.identity
    if data.reference is not None:
        assert data.variants.vrs(each) in names
        assert "genomicHGVSId" in said or each.change.start0 == 0
        _check_moved(said["genomicHGVSId"], each, data)


def _check_moved(name: str, each: NaiveVariant, data: NaiveDataset) -> None:
    """HGVS names the last of the places that a change can be written at."""
    assert data.reference is not None
    change = data.variants.read(name)
    assert change is not None
    _, start0, ref, alt = change.trimmed()
    if name.endswith("dup"):  # of what stands in front of the place
        start0 = change.start0 + len(change.ref)
    if not (ref and alt):
        assert start0 == max(one.start0 for one in spellings(each.change, data.reference))

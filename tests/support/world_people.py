"""The people of a made archive, in Beacon-friendly records: every kind of field filters ask."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COUNT = 60
_GENOTYPED = 54
_TWICE = range(2, _GENOTYPED, 5)  # people of whom a second sample was sequenced
# Whose genotypes are named after themselves: with one other sample, with two and with none.
_NAMELESS = (f"P{_GENOTYPED}", f"P{COUNT - 4}", f"P{COUNT}")

# id: label and parents; the ontology that comes with the data as OBO.
TERMS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "MONDO:0005015": ("diabetes mellitus", ()),
    "MONDO:0005147": ("type 1 diabetes mellitus", ("MONDO:0005015",)),
    "MONDO:0005148": ("type 2 diabetes mellitus", ("MONDO:0005015",)),
    "MONDO:0018911": ("young onset diabetes", ("MONDO:0005148",)),
    "MONDO:0004979": ("asthma", ()),
    "HP:0000118": ("phenotypic abnormality", ()),
    "HP:0000822": ("hypertension", ("HP:0000118",)),
    "HP:0001513": ("obesity", ("HP:0000118",)),
    "HP:0025502": ("overweight", ("HP:0000118",)),
    "HP:0001956": ("truncal obesity", ("HP:0001513", "HP:0025502")),
}
OBO = "format-version: 1.2\n\n" + "\n".join(
    f"[Term]\nid: {term}\nname: {label}\n" + "".join(f"is_a: {each} ! up\n" for each in parents)
    for term, (label, parents) in TERMS.items()
)
_DISEASES = [term for term in TERMS if term.startswith("MONDO")]
_FEATURES = [term for term in TERMS if term.startswith("HP")]
_SEXES = {"NCIT:C16576": "female", "NCIT:C20197": "male"}
_ETHNICITIES = {"NCIT:C41260": "Asian", "NCIT:C43851": "European", "NCIT:C42331": "African"}
_PLACES = {"GAZ:00002640": "Wales", "GAZ:00002639": "Scotland"}
_TISSUES = {"UBERON:0000178": "blood", "UBERON:0002107": "liver", "UBERON:0002048": "lung"}
_STATUSES = {"EFO:0009654": "reference sample", "EFO:0009655": "abnormal sample"}
_SOURCES = {"GENEPIO:0001966": "genomic source", "GENEPIO:0001965": "metagenomic source"}
_PLATFORMS = {"OBI:0002048": "Illumina HiSeq 3000", "OBI:0002012": "PacBio RS II"}
_DRUGS = {"NCIT:C61612": "metformin", "NCIT:C29172": "lisinopril"}
_EXPOSURES = {"CHEBI:50904": "smoke", "CHEBI:46661": "asbestos"}
_PROCEDURES = {"OPCS4:L46.3": "a procedure", "OPCS4:K40": "another"}


@dataclass(frozen=True, slots=True)
class People:
    """Records by entity; the columns of the VCF with whether each is of a man."""

    records: Mapping[str, Sequence[Mapping[str, Any]]]
    samples: tuple[str, ...]
    males: tuple[bool, ...]


def make_people(rng: random.Random) -> People:
    individuals = [_individual(rng, number) for number in range(COUNT + 1)]
    biosamples = [_biosample(rng, f"S{n:02}", f"P{n:02}") for n in range(COUNT)]
    # Some have another sample, of which nothing was sequenced.
    biosamples += [_biosample(rng, f"T{n:02}", f"P{n:02}") for n in range(0, COUNT, 7)]
    biosamples += [_biosample(rng, f"U{n:02}", f"P{n:02}") for n in _TWICE]
    runs = [_run(rng, number, each["id"]) for number, each in enumerate(biosamples) if number % 5]
    again = [each["id"] for each in biosamples if rng.random() < 0.1]
    runs += [_run(rng, len(biosamples) + number, name) for number, name in enumerate(again)]
    analyses = [_analysis(rng, n, _named(rng, run)) for n, run in enumerate(runs) if n % 4]
    analyses += [
        _analysis(rng, len(runs) + number, {"individualId": name})
        for number, name in enumerate(_NAMELESS)
    ]
    rng.shuffle(individuals)
    rng.shuffle(runs)
    cohorts: list[dict[str, Any]] = [
        _cohort("C1", "study-defined", range(40)),
        _cohort("C2", "user-defined", range(30, COUNT)),
        {"id": "C3", "name": "C3", "cohortType": "beacon-defined"},  # of everybody
    ]
    cohorts.append(
        {**_cohort("C4", "study-defined", range(0)), "ids": {"biosampleIds": ["S03", "T07"]}}
    )
    male = {each["id"]: each["sex"]["label"] == "male" for each in individuals}
    samples = [f"S{n:02}" for n in range(_GENOTYPED)] + [f"U{n:02}" for n in _TWICE]
    samples += _NAMELESS
    rng.shuffle(samples)
    records = {
        "individuals": individuals,
        "biosamples": biosamples,
        "runs": runs,
        "analyses": analyses,
        "cohorts": cohorts,
    }
    return People(records, tuple(samples), tuple(male[f"P{name[1:]}"] for name in samples))


def _cohort(name: str, kind: str, members: range) -> dict[str, Any]:
    ids = [f"P{number:02}" for number in members]
    return {"id": name, "name": name, "cohortType": kind, "ids": {"individualIds": ids}}


def _term(rng: random.Random, among: Mapping[str, str]) -> dict[str, str]:
    chosen = rng.choice(sorted(among))
    return {"id": chosen, "label": among[chosen]}


def _age(rng: random.Random) -> dict[str, str]:
    months = rng.choice(["", f"{rng.randint(1, 11)}M"])
    days = rng.choice(["", "", f"{rng.randint(1, 28)}D"])
    return {"iso8601duration": f"P{rng.randint(1, 90)}Y{months}{days}"}


def _ages(rng: random.Random) -> dict[str, Any]:
    """An age, or a range of two."""
    if rng.random() < 0.8:
        return _age(rng)
    first = rng.randint(1, 80)
    ends = {"start": f"P{first}Y", "end": f"P{first + rng.randint(0, 9)}Y"}
    return {end: {"iso8601duration": said} for end, said in ends.items()}


def _individual(rng: random.Random, number: int) -> dict[str, Any]:
    record: dict[str, Any] = {"id": f"P{number:02}", "sex": _term(rng, _SEXES)}
    if rng.random() < 0.8:
        record["ethnicity"] = _term(rng, _ETHNICITIES)
    if rng.random() < 0.6:
        record["geographicOrigin"] = _term(rng, _PLACES)
    if rng.random() < 0.7:
        record["karyotypicSex"] = "XY" if record["sex"]["label"] == "male" else "XX"
    record["diseases"] = [
        _disease(rng, term) for term in rng.sample(_DISEASES, rng.choice([0, 1, 1, 2]))
    ]
    record["phenotypicFeatures"] = [
        _feature(rng, term) for term in rng.sample(_FEATURES, rng.choice([0, 1, 2]))
    ]
    record["measurements"] = _measurements(rng)
    if rng.random() < 0.4:
        record["treatments"] = [{"treatmentCode": _term(rng, _DRUGS)}]
    if rng.random() < 0.3:
        of = {"exposureCode": _term(rng, _EXPOSURES), "ageAtExposure": _age(rng)}
        record["exposures"] = [
            {**of, "duration": rng.choice(["P6W", "P42D", "P3M", "P1Y", "P12M"])}
        ]
    if rng.random() < 0.4:
        record["interventionsOrProcedures"] = [{"procedureCode": _term(rng, _PROCEDURES)}]
    return record


def _disease(rng: random.Random, term: str) -> dict[str, Any]:
    record: dict[str, Any] = {"diseaseCode": {"id": term, "label": TERMS[term][0]}}
    if rng.random() < 0.7:
        record["ageOfOnset"] = _ages(rng)
    if rng.random() < 0.3:
        record["familyHistory"] = rng.random() < 0.5
    return record


def _feature(rng: random.Random, term: str) -> dict[str, Any]:
    record: dict[str, Any] = {"featureType": {"id": term, "label": TERMS[term][0]}}
    if rng.random() < 0.3:
        record["excluded"] = rng.random() < 0.7
    if rng.random() < 0.3:
        record["onset"] = _age(rng)
    return record


def _measurements(rng: random.Random) -> list[dict[str, Any]]:
    made = []
    if rng.random() < 0.8:
        made.append(_measurement("LOINC:35925-4", "BMI", rng.uniform(17, 40), "kg/m2"))
    if rng.random() < 0.5:
        made.append(_measurement("LOINC:8302-2", "height", rng.uniform(150, 200), "cm"))
    # The same assay in two units, of some people in both.
    if rng.random() < 0.4:
        made.append(_measurement("LOINC:3141-9", "weight", rng.randint(60, 70), "kg"))
    if rng.random() < 0.4:
        made.append(_measurement("LOINC:3141-9", "weight", rng.randint(60, 70) * 1000, "g"))
    return made


def _measurement(assay: str, label: str, value: float, unit: str) -> dict[str, Any]:
    quantity = {"unit": {"id": f"UCUM:{unit}", "label": unit}, "value": round(value, 1)}
    return {"assayCode": {"id": assay, "label": label}, "measurementValue": quantity}


def _biosample(rng: random.Random, name: str, person: str) -> dict[str, Any]:
    return {
        "id": name,
        "individualId": person,
        "biosampleStatus": _term(rng, _STATUSES),
        "sampleOriginType": _term(rng, _TISSUES),
        "collectionDate": f"20{rng.randint(10, 24)}-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}",
        "collectionMoment": f"P{rng.randint(20, 80)}Y",
    }


def _run(rng: random.Random, number: int, biosample: str) -> dict[str, Any]:
    return {
        "id": f"R{number:02}",
        "biosampleId": biosample,
        "runDate": f"202{rng.randint(0, 4)}-0{rng.randint(1, 9)}-20",
        "libraryStrategy": rng.choice(["WGS", "WES", "Amplicon"]),
        "libraryLayout": rng.choice(["PAIRED", "SINGLE"]),
        "librarySource": _term(rng, _SOURCES),
        "platform": rng.choice(["Illumina", "PacBio"]),
        "platformModel": _term(rng, _PLATFORMS),
    }


def _named(rng: random.Random, run: Mapping[str, Any]) -> dict[str, str]:
    """What an analysis names: a run and its sample, one of these, or a person only."""
    of = {"runId": run["id"], "biosampleId": run["biosampleId"]}
    ways = [*[("runId", "biosampleId")] * 3, ("runId",), ("biosampleId",), ()]
    named = {name: of[name] for name in rng.choice(ways)}
    return named or {"individualId": f"P{run['biosampleId'][1:]}"}


def _analysis(rng: random.Random, number: int, named: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": f"A{number:02}",
        **named,
        "analysisDate": f"2023-0{rng.randint(1, 9)}-05",
        "pipelineName": rng.choice(["sarek 3.1", "sarek 3.2", "own pipeline"]),
        "aligner": rng.choice(["bwa", "minimap2"]),
        "variantCaller": rng.choice(["GATK", "DeepVariant"]),
    }

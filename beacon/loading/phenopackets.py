"""Phenopackets as Beacon records: single ones, families and cohorts, JSON or protobuf.

GA4GH Phenopacket Schema 2.0. JSON may be any of the three, told by its members; protobuf says
nothing of itself, so the file's name does: `x.pb`, `x.family.pb`, `x.cohort.pb`. What Beacon's
default model has no place for is counted as lost, by element. Which alleles interpretations state
is left to `beacon.loading.interpretations`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from beacon.errors import Problem
from beacon.loading.reading import kind_of, opened
from beacon.loading.records import UNKNOWN, Problems, Unreadable, json_items
from beacon.loading.staging import Interpreted, Staging

MAX_PACKET_BYTES = 16_000_000
_ENDINGS = (".json", ".pb")
_SEX = {
    "FEMALE": {"id": "NCIT:C16576", "label": "female"},
    "MALE": {"id": "NCIT:C20197", "label": "male"},
}
# Beacon name: phenopacket name. Times and measured values are read apart.
_FEATURE = {
    "featureType": "type", "excluded": "excluded", "severity": "severity",
    "modifiers": "modifiers", "notes": "description",
}  # fmt: skip
_DISEASE = {"diseaseCode": "term", "excluded": "excluded"}
_SAMPLE = {
    "sampleOriginDetail": "sampledTissue", "histologicalDiagnosis": "histologicalDiagnosis",
    "tumorProgression": "tumorProgression", "tumorGrade": "tumorGrade",
    "pathologicalStage": "pathologicalStage", "pathologicalTnmFinding": "pathologicalTnmFinding",
    "diagnosticMarkers": "diagnosticMarkers", "sampleStorage": "sampleStorage",
    "sampleProcessing": "sampleProcessing", "notes": "description",
}  # fmt: skip
_READ = {
    "phenopacket": {"id", "subject", "phenotypicFeatures", "measurements", "biosamples", "diseases",
                    "medicalActions", "interpretations", "metaData"},
    "subject": {"id", "sex", "karyotypicSex", "timeAtLastEncounter", "alternateIds"},
    "phenotypicFeature": {*_FEATURE.values(), "onset", "resolution", "evidence"},
    "disease": {*_DISEASE.values(), "onset", "diseaseStage"},
    "measurement": {"assay", "value", "complexValue", "timeObserved", "description", "procedure"},
    "biosample": {*_SAMPLE.values(), "id", "individualId", "sampleType", "materialSample",
                  "phenotypicFeatures", "measurements", "timeOfCollection", "procedure"},
    "medicalAction": {"procedure", "treatment"},
    "procedure": {"code", "bodySite", "performed"},
    "treatment": {"agent", "routeOfAdministration", "cumulativeDose"},
    "interpretation": {"id", "diagnosis"},
    "diagnosis": {"genomicInterpretations"},
    "genomicInterpretation": {"subjectOrBiosampleId", "variantInterpretation"},
    "variantInterpretation": {"variationDescriptor"},
    "family": {"id", "proband", "relatives", "metaData"},
    "cohort": {"id", "description", "members", "metaData"},
}  # fmt: skip
_STATING = ("interpretation", "diagnosis", "genomicInterpretation", "variantInterpretation")


def stage(path: Path, *, staging: Staging, problems: Problems, losses: Counter[str]) -> None:
    """Reads a file, or every `.json` and `.pb` of a folder, into `staging`. Raises `Unreadable`."""
    staging.given |= {"individual", "biosample"}
    for each in _files(path):
        packets = _Packets(each, staging, problems=problems, losses=losses)
        packets.read()
        if problems.full:
            return


def _files(path: Path) -> Sequence[Path]:
    """At least one."""
    if not path.is_dir():
        found = [path] if path.exists() else []
    else:
        found = [each for each in sorted(path.rglob("*")) if kind_of(each) in _ENDINGS]
        found = [each for each in found if each.is_file()]
    if not found:
        raise Unreadable(Problem(path.name, "", "", "a file that exists", "check the path"))
    return found


class _Packets:
    """Reads the phenopackets of one file."""

    def __init__(
        self, path: Path, staging: Staging, *, problems: Problems, losses: Counter[str]
    ) -> None:
        self._path = path
        self._staging = staging
        self._problems = problems
        self._losses = losses

    def read(self) -> None:
        for number, packet in enumerate(self._packets(), 1):
            where = f"phenopacket {number}"
            try:
                self._one(packet, where)
            except (TypeError, AttributeError, KeyError, ValueError):
                # Members of other types than the schema's: the packet is named, not guessed at.
                expected = "a phenopacket of schema 2.0"
                self._problems.add(Problem(self._path.name, where, "", expected))
            if self._problems.full:
                return

    def _packets(self) -> Iterator[Mapping[str, Any]]:
        name = self._path.name.lower()
        if kind_of(self._path) == ".pb":
            message = _message(self._path, "Cohort" if ".cohort." in name else
                               "Family" if ".family." in name else "Phenopacket")  # fmt: skip
            return self._of_document(message)
        if self._path.stat().st_size > MAX_PACKET_BYTES or name.endswith(".gz"):
            return self._of_stream()
        return self._of_document(_document(self._path))

    def _of_document(self, document: Any) -> Iterator[Mapping[str, Any]]:
        match document:
            case list():
                yield from document
            case {"members": list(members)}:
                self._lost("cohort", document)
                self._cohort(document, members)
                yield from members
            case {"proband": dict(proband)}:
                self._lost("family", document)
                yield proband
                yield from document.get("relatives", ())
            case {"subject": _}:
                yield document
            case _:
                expected = "a phenopacket, family or cohort"
                raise Unreadable(Problem(self._path.name, "", "", expected))

    def _of_stream(self) -> Iterator[Mapping[str, Any]]:
        """A large file is read member by member; it can only be a cohort."""
        found = False
        for packet in json_items(self._path, "members.item"):
            found = True
            yield packet  # type: ignore[misc]  # its shape is checked where it is read
        if not found:
            expected = f"a cohort, or at most {MAX_PACKET_BYTES} bytes"
            raise Unreadable(Problem(self._path.name, "", "", expected))

    def _cohort(self, document: Mapping[str, Any], members: list[Any]) -> None:
        self._staging.given.add("cohort")
        name = document.get("id")
        cohort = {
            "id": name,
            "name": document.get("description") or name,
            "cohortType": "study-defined",
            "cohortSize": len(members),
            "ids": {"individualIds": list(map(_subject, members))},
        }
        self._add("cohort", cohort, "cohort")

    def _one(self, packet: Mapping[str, Any], where: str) -> None:
        subject = packet.get("subject") or {}
        if "id" not in subject:
            self._problems.add(Problem(self._path.name, where, "subject.id", "an id"))
            return
        self._lost("phenopacket", packet)
        self._lost("subject", subject)
        actions = packet.get("medicalActions", ())
        for action in actions:
            self._lost("medicalAction", action)
        person = {
            "id": subject["id"],
            "sex": _SEX.get(subject.get("sex", ""), UNKNOWN),
            "karyotypicSex": subject.get("karyotypicSex"),
            "age": _time(subject.get("timeAtLastEncounter")),
            "diseases": [self._disease(each) for each in packet.get("diseases", ())],
            **self._observed(packet),
            "interventionsOrProcedures": [
                self._procedure(each["procedure"]) for each in actions if "procedure" in each
            ],
            "treatments": [
                self._treatment(each["treatment"]) for each in actions if "treatment" in each
            ],
        }
        taken = self._add("individual", person, where)
        samples = packet.get("biosamples", ())
        for number, sample in enumerate(samples, 1):
            self._biosample(sample, subject["id"], f"{where}, biosample {number}")
        if taken:
            self._interpretations(packet, {subject["id"], *(s["id"] for s in samples)}, where)

    def _observed(self, holder: Mapping[str, Any]) -> dict[str, object]:
        return {
            "phenotypicFeatures": [self._feature(f) for f in holder.get("phenotypicFeatures", ())],
            "measurements": [self._measurement(m) for m in holder.get("measurements", ())],
        }

    def _feature(self, feature: Mapping[str, Any]) -> dict[str, object]:
        self._lost("phenotypicFeature", feature)
        evidence = feature.get("evidence", ())
        if len(evidence) > 1:
            self._losses["phenotypicFeature: evidence after the first"] += len(evidence) - 1
        return _said(
            _renamed(feature, _FEATURE),
            onset=_time(feature.get("onset")),
            resolution=_time(feature.get("resolution")),
            evidence=evidence[0] if evidence else None,
        )

    def _disease(self, disease: Mapping[str, Any]) -> dict[str, object]:
        self._lost("disease", disease)
        stages = disease.get("diseaseStage", ())
        if len(stages) > 1:
            self._losses["disease: diseaseStage after the first"] += len(stages) - 1
        return _said(
            _renamed(disease, _DISEASE),
            ageOfOnset=_time(disease.get("onset")),
            stage=stages[0] if stages else None,
        )

    def _measurement(self, measured: Mapping[str, Any]) -> dict[str, object]:
        self._lost("measurement", measured)
        procedure = measured.get("procedure")
        return _said(
            {"assayCode": measured["assay"]},
            measurementValue=_measured(measured),
            observationMoment=_time(measured.get("timeObserved")),
            notes=measured.get("description"),
            procedure=self._procedure(procedure) if procedure else None,
        )

    def _procedure(self, procedure: Mapping[str, Any]) -> dict[str, object]:
        self._lost("procedure", procedure)
        performed = procedure.get("performed") or {}
        return _said(
            {"procedureCode": procedure["code"]},
            bodySite=procedure.get("bodySite"),
            ageAtProcedure=_time(performed) if "timestamp" not in performed else None,
            dateOfProcedure=performed.get("timestamp"),
        )

    def _treatment(self, treatment: Mapping[str, Any]) -> dict[str, object]:
        self._lost("treatment", treatment)
        return _said(
            {"treatmentCode": treatment["agent"]},
            routeOfAdministration=treatment.get("routeOfAdministration"),
            cumulativeDose=treatment.get("cumulativeDose"),
        )

    def _biosample(self, sample: Mapping[str, Any], person: str, where: str) -> None:
        self._lost("biosample", sample)
        collected = sample.get("timeOfCollection") or {}
        procedure = sample.get("procedure")
        age = _time(collected)
        record = _said(
            {
                "id": sample["id"],
                "individualId": sample.get("individualId") or person,
                "biosampleStatus": sample.get("materialSample") or UNKNOWN,
                "sampleOriginType": sample.get("sampleType")
                or sample.get("sampledTissue")
                or UNKNOWN,
            },
            **_renamed(sample, _SAMPLE),
            **self._observed(sample),
            collectionMoment=age.get("iso8601duration") if isinstance(age, dict) else None,
            collectionDate=collected.get("timestamp"),
            obtentionProcedure=self._procedure(procedure) if procedure else None,
        )
        self._add("biosample", record, where)

    def _interpretations(self, packet: Mapping[str, Any], own: set[str], where: str) -> None:
        """Every stated genomic change of the person or of one of the `own` samples."""
        person = packet["subject"]["id"]
        where = f"{where} ({person})"
        for one, interpretation in enumerate(packet.get("interpretations", ()), 1):
            self._lost("interpretation", interpretation)
            diagnosis = interpretation.get("diagnosis") or {}
            self._lost("diagnosis", diagnosis)
            for two, genomic in enumerate(diagnosis.get("genomicInterpretations", ()), 1):
                self._lost("genomicInterpretation", genomic)
                place = f"{where}, interpretation {one}, genomicInterpretation {two}"
                if stated := genomic.get("variantInterpretation"):
                    self._lost("variantInterpretation", stated)
                    bearer, file = genomic.get("subjectOrBiosampleId"), self._path.name
                    if bearer in own:
                        each = Interpreted(person, bearer, stated, file, place)
                        self._staging.interpret(each)
                    else:
                        expected = "the packet's subject or one of its biosamples"
                        problem = Problem(file, place, "subjectOrBiosampleId", expected)
                        self._problems.add(problem)

    def _add(self, entity: str, record: Mapping[str, object], where: str) -> bool:
        return self._staging.add(
            entity, _said(record), file=self._path.name, where=where, problems=self._problems
        )

    def _lost(self, element: str, given: Mapping[str, Any]) -> None:
        """Counts the members that are lost."""
        why = "is not read" if element in _STATING else "has no place in a Beacon record"
        for name, value in given.items():
            if name not in _READ[element] and value not in (None, "", [], {}):
                self._losses[f"{element}.{name} {why}"] += 1


def _said(record: Mapping[str, object], **more: object) -> dict[str, object]:
    """The record without members that say nothing."""
    whole = {**record, **more}
    return {name: value for name, value in whole.items() if value not in (None, [], {}, "")}


def _renamed(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {ours: given[theirs] for ours, theirs in names.items() if theirs in given}


def _time(element: Mapping[str, Any] | None) -> object:
    """A phenopacket's time element, without the wrapping that Beacon's has not."""
    if not element:
        return None
    for name in ("age", "ageRange", "gestationalAge", "ontologyClass", "timestamp", "interval"):
        if name in element:
            return element[name]
    return None


def _measured(measured: Mapping[str, Any]) -> object:
    if "complexValue" in measured:
        quantities = measured["complexValue"]["typedQuantities"]
        return {
            "typedQuantities": [
                {"quantityType": each["type"], "quantity": each["quantity"]} for each in quantities
            ]
        }
    value = measured.get("value") or {}
    return value.get("quantity") or value.get("ontologyClass")


def _document(path: Path) -> object:
    try:
        with opened(path) as stream:
            return json.loads(stream.read(MAX_PACKET_BYTES + 1))
    except (OSError, EOFError) as closed:
        problem = Problem(path.name, "", "", "a file that can be read")
        raise Unreadable(problem) from closed
    except (ValueError, RecursionError) as wrong:
        raise Unreadable(Problem(path.name, "", "", "UTF-8 JSON")) from wrong


def _subject(packet: Any) -> object:
    """Who a packet is of, if it says so; it is checked where it is read itself."""
    match packet:
        case {"subject": {"id": name}}:
            return name
        case _:
            return None


def _message(path: Path, kind: str) -> object:
    """A protobuf message in its JSON form."""
    # Heavy, and only protobuf needs it.
    import phenopackets  # type: ignore[import-untyped]
    from google.protobuf import json_format, message

    try:
        with opened(path) as stream:
            content = stream.read(MAX_PACKET_BYTES + 1)
        if len(content) > MAX_PACKET_BYTES:
            expected = f"at most {MAX_PACKET_BYTES} bytes; larger cohorts as JSON"
            raise Unreadable(Problem(path.name, "", "", expected))
        return json_format.MessageToDict(getattr(phenopackets, kind).FromString(content))
    except (OSError, EOFError) as closed:
        raise Unreadable(Problem(path.name, "", "", "a file that can be read")) from closed
    except (message.DecodeError, json_format.Error, ValueError) as wrong:
        raise Unreadable(Problem(path.name, "", "", f"a {kind} in protobuf")) from wrong

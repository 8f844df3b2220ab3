"""Makes Beacon v2.2 envelopes of protected answers, and the Beacon form of errors.

Emits strictly: full `meta` on every data answer and error, `exists` and totals of the query
whatever `includeResultsetResponses` shows. `meta.returnedGranularity` names the envelope: the
highest granularity any dataset answered with, or boolean where a count is hidden and no records
came. Adds totals only where entities have one owner; variants of several datasets overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from access.disclosure import Answer, Precision
from access.policies.policy import Granularity
from beacon import pages, phenopacket_form
from beacon.admission import Note
from beacon.execute import Outcome, SetAnswer
from beacon.handovers import Links
from beacon.info import NodeFacts
from beacon.pages import Page
from beacon.query import Query
from beacon.variants import Asked
from beacon.variation import distinct, variations
from schemas.beacon import (
    API_VERSION,
    BeaconError,
    Handover,
    IncludeName,
    Pagination,
    RequestSummary,
    ResponseMeta,
    ResponseSummary,
    ResultSet,
)
from schemas.entries import ENTRY_TYPES, EntryTypeId

_UNREAD: RequestSummary = {
    "apiVersion": API_VERSION,
    "requestedSchemas": [],
    "pagination": {"skip": 0, "limit": 10},
    "requestedGranularity": "boolean",
}
_DATASET_MEMBERS = (
    "createDateTime", "dataUseConditions", "description", "externalUrl", "updateDateTime",
    "version",
)  # fmt: skip
_CATALOGUE = "healthDCATAP"
_COHORT_MEMBER_LISTS = frozenset({"ids"})
_SHOWN: Mapping[IncludeName, tuple[bool, ...]] = {
    "HIT": (True,), "MISS": (False,), "ALL": (True, False), "NONE": (),
}  # fmt: skip


def answered(
    query: Query, outcome: Outcome, *, beacon_id: str, links: Links | None, now: int
) -> dict[str, object]:
    """The envelope of a query's answer, made `now`; without `links` it leads nowhere."""
    granularity = returned_granularity(outcome.sets)
    echo = query.echo
    if granularity is Granularity.RECORD:
        echo = _paged(query, (one.answer.count for one in outcome.sets))
    body: dict[str, object] = {
        "meta": meta(
            echo,
            granularity,
            beacon_id=beacon_id,
            entry=query.target.entry,
            schema=query.schema,
        ),
        "responseSummary": _summary(query, outcome.sets),
    }
    if _is_collection(query):
        if granularity is Granularity.RECORD:
            body["response"] = {
                "collections": [_cohort(r) for one in outcome.sets for r in one.records]
            }
    elif query.include != "NONE":
        shown = [one for one in outcome.sets if one.answer.exists in _SHOWN[query.include]]
        if query.schema == phenopacket_form.SCHEMA:
            shown = [_as_packets(one, beacon_id=beacon_id, now=now) for one in shown]
        body["response"] = {"resultSets": [_result_set(one, links) for one in shown]}
    if info := _info(query, outcome):
        body["info"] = info
    return body


def _as_packets(one: SetAnswer, *, beacon_id: str, now: int) -> SetAnswer:
    made = (phenopacket_form.packet(each, beacon_id=beacon_id, now=now) for each in one.records)
    return one._replace(records=tuple(made))


def _paged(query: Query, counts: Iterable[int | None]) -> RequestSummary:
    """What was asked, with the tokens of the page of its records and of its neighbours."""
    page = Page(query.skip, query.limit)
    more = any((count or 0) > (page.skip + 1) * page.limit for count in counts)
    pagination: Pagination = {
        "skip": page.skip, "limit": page.limit, **pages.around(page, query.echo, more=more)
    }  # fmt: skip
    return {**query.echo, "pagination": pagination}


def datasets(
    query: Query,
    records: Sequence[Mapping[str, object]],
    *,
    beacon_id: str,
    handovers: Sequence[Handover] = (),
    outcome: Outcome | None = None,
) -> dict[str, object]:
    """The list of datasets the caller may know of, or (by id) the one, as the standard has it;
    `outcome` is of the question that chose them."""
    granularity = query.granularity
    if query.include == "NONE":
        granularity = min(granularity, Granularity.COUNT)
    summary: ResponseSummary = {"exists": bool(records)}
    if granularity > Granularity.BOOLEAN:
        told_about = outcome is not None and any(one.answer.approximate for one in outcome.sets)
        precision: Precision = "imprecise" if told_about else "exact"
        summary |= {"numTotalResults": len(records), "countPrecision": precision}
    first = query.skip * query.limit
    page = list(records[first : first + query.limit])
    body: dict[str, object] = {
        "meta": meta(
            _paged(query, [len(records)]) if granularity is Granularity.RECORD else query.echo,
            granularity,
            beacon_id=beacon_id,
            entry="dataset",
        ),
        "responseSummary": summary,
    }
    if outcome is not None and (info := _info(query, outcome)):
        body["info"] = info
    if granularity is not Granularity.RECORD:
        return body
    if query.target.entry_id is None:
        return body | {"response": {"collections": page}}
    one = {"id": query.target.entry_id, "setType": "dataset", "exists": True}
    more = {"resultsHandovers": list(handovers)} if handovers else {}
    counted = {"resultsCount": 1, "countPrecision": "exact", "results": page}
    shown = [one | counted | more] if True in _SHOWN[query.include] else []
    return body | {"response": {"resultSets": shown}}


def dataset_record(
    dataset: str, *, name: str, description: str, metadata: Mapping[str, object]
) -> dict[str, object]:
    """A dataset's public members only: sources also list their people's ids here."""
    chosen = {member: metadata[member] for member in _DATASET_MEMBERS if member in metadata}
    record: dict[str, object] = {**chosen, "id": dataset, "name": name}
    return record | ({"description": description} if description else {})


def catalogued(metadata: Mapping[str, object]) -> dict[str, object]:
    """How the dataset describes itself to catalogues (HealthDCAT-AP): public by its purpose."""
    info = metadata.get("info")
    stated = info.get(_CATALOGUE) if isinstance(info, dict) else None
    return {_CATALOGUE: stated} if isinstance(stated, dict) else {}


def meta(
    echo: RequestSummary,
    granularity: Granularity,
    *,
    beacon_id: str,
    entry: EntryTypeId,
    schema: str = "",
) -> ResponseMeta:
    """Of records in the default schema of their type where none is named."""
    return {
        "beaconId": beacon_id,
        "apiVersion": API_VERSION,
        "returnedSchemas": [
            {"entityType": entry, "schema": schema or ENTRY_TYPES[entry].schema_id},
        ],
        "returnedGranularity": granularity.wire,
        "receivedRequestSummary": echo,
        "testMode": echo.get("testMode", False),
    }


def error_body(
    status: int,
    message: str,
    code: str,
    *,
    node: NodeFacts,
    echo: RequestSummary | None = None,
) -> dict[str, object]:
    """The Beacon form of an error; the full data `meta` is valid on every endpoint."""
    error: BeaconError = {"errorCode": status, "errorMessage": message}
    whole: ResponseMeta = {
        "beaconId": node.id,
        "apiVersion": API_VERSION,
        "returnedSchemas": [],
        "returnedGranularity": "boolean",
        "receivedRequestSummary": echo or _UNREAD,
        "testMode": (echo or _UNREAD).get("testMode", False),
    }
    return {"meta": whole, "error": error, "info": {"code": code}}


def returned_granularity(sets: Sequence[SetAnswer]) -> Granularity:
    if len(sets) == 1:
        return sets[0].answer.granularity
    given = {one.answer.granularity for one in sets}
    if Granularity.RECORD in given:
        return Granularity.RECORD
    return Granularity.BOOLEAN if Granularity.BOOLEAN in given else Granularity.COUNT


def _is_collection(query: Query) -> bool:
    return query.target.entry == "cohort" and query.target.entry_id is None


def _summary(query: Query, sets: Sequence[SetAnswer]) -> ResponseSummary:
    """No total where one count is hidden: a partial sum would say too little."""
    if len(sets) == 1:
        return _alone(sets[0].answer)
    summary: ResponseSummary = {"exists": any(one.answer.exists for one in sets)}
    counts = [one.answer.count for one in sets if one.answer.count is not None]
    if len(counts) < len(sets):
        return summary
    summary["countPrecision"] = _worst(one.answer for one in sets)
    positive = [count for count in counts if count]
    if query.target.entry != "genomicVariant" or len(positive) < 2:
        summary["numTotalResults"] = sum(counts)
        return summary
    different = _distinct(query, sets)
    if different is not None:
        summary["numTotalResults"] = different
        return summary
    summary["numTotalResults"] = max(positive)
    summary["countPrecision"] = "imprecise"
    summary["countAdjustedTo"] = [max(positive), sum(positive)]
    return summary


def _alone(answer: Answer) -> ResponseSummary:
    """Of one dataset its own answer, nearly always what is asked."""
    if answer.count is None:
        return {"exists": answer.exists}
    return {
        "exists": answer.exists,
        "countPrecision": answer.precision or "imprecise",
        "numTotalResults": answer.count,
    }


def _distinct(query: Query, sets: Sequence[SetAnswer]) -> int | None:
    """How many different variants came, None unless every one of every set came."""
    if query.skip or any(len(one.variants) != one.answer.count for one in sets):
        return None
    return distinct.of(
        (one.segment.facts.assembly, [found.row for found in one.variants]) for one in sets
    )


def _worst(answers: Iterable[Answer]) -> Precision:
    given = {answer.precision for answer in answers}
    if given <= {"exact"}:
        return "exact"
    return "rounded" if given <= {"exact", "rounded"} else "imprecise"


def _result_set(one: SetAnswer, links: Links | None) -> ResultSet:
    facts, answer = one.segment.facts, one.answer
    made: ResultSet = {"id": facts.id, "setType": "dataset", "exists": answer.exists}
    if answer.count is not None:
        made["resultsCount"] = answer.count
        made["countPrecision"] = answer.precision or "imprecise"
    if answer.adjusted_to:
        made["countAdjustedTo"] = list(answer.adjusted_to)
    with_records = answer.granularity is Granularity.RECORD
    if answer.exists and links is not None:
        made["resultsHandovers"] = links.of(
            facts.id, may_stream=one.may_stream, with_files=with_records
        )
    if with_records:
        url = links.dataset(facts.id) if links is not None else facts.id
        found: list[dict[str, object]] = [
            dict(variations.record(v.row, v.calls, facts=facts, dataset_url=url))
            for v in one.variants
        ]
        made["results"] = found + [_cohort(record) for record in one.records]
    return made


def _cohort(record: Mapping[str, object]) -> dict[str, object]:
    """Some converters list every member of a cohort under `ids`; that list never leaves."""
    return {name: value for name, value in record.items() if name not in _COHORT_MEMBER_LISTS}


def _info(query: Query, outcome: Outcome) -> dict[str, object]:
    info: dict[str, object] = {}
    if outcome.unsupported:
        info["unsupported"] = [_noted(note) for note in outcome.unsupported]
    if outcome.suppressed:
        info["suppressed"] = [_noted(note) for note in outcome.suppressed]
    for one in outcome.sets:
        if one.answer.approximate is not None:
            said = {"id": one.segment.facts.id, "text": one.answer.approximate}
            info.setdefault("approximate", []).append(said)  # type: ignore[attr-defined]  # a list
    if query.datasets:
        known = {note.dataset for note in (*outcome.unsupported, *outcome.suppressed)}
        known.update(one.segment.facts.id for one in outcome.sets)
        if unknown := sorted(set(query.datasets) - known):
            info["unknownDatasets"] = unknown
    warnings = list(query.warnings)
    if query.named is not None:
        warnings += _ambiguity(query.named, outcome)
    if warnings:
        info["warnings"] = warnings
    return info


def _ambiguity(named: Asked, outcome: Outcome) -> Iterator[str]:
    """Of the id in an address, which may name a place without its assembly."""
    if named.assembly is not None or not named.in_one_assembly:
        return
    held = sorted({one.segment.facts.assembly for one in outcome.sets if one.answer.exists})
    if len(held) > 1:
        yield f"This id names a variant in {' and another in '.join(held)}; assemblyId chooses one."


def _noted(note: Note) -> dict[str, str]:
    return {"id": note.dataset, "code": note.code, "text": note.text}

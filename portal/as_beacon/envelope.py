"""The Beacon v2.2 envelope of the network's merged answer: one result set per node and dataset.

`info` counts the nodes, names who is missing and which datasets may not answer. Counts are those
the nodes released; records are not passed on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from portal.as_beacon.description import ENTRY, SCHEMA
from portal.asking.aggregate import Merged
from portal.asking.answer import NodeAnswer, SetAnswer, Shown
from portal.asking.foreign import text
from portal.questions.question import Kind
from schemas.beacon import API_VERSION, RequestBody, RequestPagination


def envelope(
    network_id: str,
    kind: Kind,
    body: RequestBody,
    answers: Sequence[NodeAnswer],
    merged: Merged,
) -> dict[str, object]:
    asked = body.query.granularity or body.stray_granularity or "boolean"
    include = body.query.include or "HIT"
    counted = asked != "boolean" and merged.low is not None
    made: dict[str, object] = {
        "meta": {
            "beaconId": network_id,
            "apiVersion": API_VERSION,
            "returnedSchemas": [{"entityType": ENTRY[kind], "schema": SCHEMA[kind]}],
            "returnedGranularity": "count" if counted else "boolean",
            "receivedRequestSummary": _echo(body, asked, include),
        },
        "responseSummary": _summary(merged, counted=counted),
        "info": _info(answers, merged),
    }
    if include != "NONE":
        shown = asked != "boolean"
        made["response"] = {
            "resultSets": [
                _result_set(answer, one, counted=shown)
                for answer in answers
                for one in answer.sets
                if include == "ALL" or one.exists == (include == "HIT")
            ]
        }
    return made


def _summary(merged: Merged, *, counted: bool) -> dict[str, object]:
    summary: dict[str, object] = {"exists": merged.exists}
    if counted:
        # Where only a range is known, the larger bound would claim more than was seen.
        summary |= {"numTotalResults": merged.low, "countPrecision": merged.precision}
        if merged.low != merged.high:
            summary["countAdjustedTo"] = [merged.low, merged.high]
    return summary


def _info(answers: Sequence[NodeAnswer], merged: Merged) -> dict[str, object]:
    info: dict[str, object] = {
        "nodes": asdict(merged.tally),
        "missing": [_missing(one) for one in answers if not one.outcome.answered],
        "sentence": merged.sentence,
    }
    withheld = [
        {"beaconId": _id(answer), "id": one.dataset, "text": one.reason}
        for answer in answers
        for one in answer.withheld
    ]
    return info | ({"suppressed": withheld} if withheld else {})


def _echo(body: RequestBody, asked: str, include: str) -> dict[str, object]:
    ids = [
        text(one.get("id")) if isinstance(one, dict) else text(one)
        for one in body.query.filters or []
    ]
    pagination = body.query.pagination or body.stray_pagination or RequestPagination()
    return {
        "apiVersion": body.meta.api_version,
        "requestedSchemas": [],
        "pagination": {"skip": pagination.skip, "limit": pagination.limit},
        "requestedGranularity": asked,
        "filters": ids,
        "includeResultsetResponses": include,
    }


def _result_set(answer: NodeAnswer, one: SetAnswer, *, counted: bool) -> dict[str, object]:
    row: dict[str, object] = {
        "id": one.dataset or answer.name,
        "setType": "dataset" if one.dataset else "beacon",
        "exists": one.exists,
        "beaconId": _id(answer),
        "info": {
            "status": answer.outcome.value,
            "latencyMs": answer.latency_ms,
            "askedAs": answer.asked_as,
            "ageSeconds": answer.age_seconds,
            **({"lifted": answer.lifted} if answer.lifted else {}),
        },
    }
    return row | (_count(one) if counted else {})


def _count(one: SetAnswer) -> dict[str, object]:
    if one.bounds is None:
        return {}
    precision = "imprecise" if one.precision == "unstated" else one.precision
    if one.shown is Shown.FEWER:
        return {"countPrecision": precision, "countAdjustedTo": [f"<{one.below}"]}
    made: dict[str, object] = {"resultsCount": one.count, "countPrecision": precision}
    if one.count is None:
        made = {"countPrecision": precision}
    return made | ({"countAdjustedTo": list(one.span)} if one.span else {})


def _missing(answer: NodeAnswer) -> dict[str, object]:
    return {
        "beaconId": _id(answer),
        "name": answer.name,
        "status": answer.outcome.value,
        "reason": answer.reason,
    }


def _id(answer: NodeAnswer) -> str:
    return answer.beacon_id or answer.url

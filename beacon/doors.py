"""The doors of a Beacon: parse, decide, ask, protect, record, answer, in that order.

The record entry is written before an answer leaves, and if it can't be written nothing leaves; it
holds who (as a pseudonym), a keyed digest of the question, datasets and outcome, never the
question. Which door is at which address is for `routes`; errors become HTTP in the gateway's table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response

from access.disclosure import Asker, Disclosure, granted
from access.policies.policy import Action, Granularity, Level, PolicyBook
from access.record.audit import Record
from access.record.chain import Form
from beacon import admission, execute, framing, info, query, response, synthetic
from beacon.catalog import Catalog, Segment
from beacon.errors import BadQuestion, BodyTooLarge, CatalogError, UnknownEntry
from beacon.handovers import Links, Objects
from beacon.info import NodeFacts
from beacon.listing import Listing
from beacon.panel import NO_PANELS, Panel
from beacon.posed import Public
from beacon.request_body import MAX_BODY_BYTES
from beacon.waiting import WaitingRoom
from duo.stated import duo_data_use
from passports.researcher import Researcher
from schemas.beacon import Handover, RequestSummary
from schemas.entries import EntryTypeId
from schemas.errors import SkerryError

MAX_NAMED_DATASETS = 100
MAX_TERMS = 100_000  # on one page: whoever asks without a limit does not ask for a second
MAX_FORMS = 1_000
_ANSWER = "beacon.answer"
_ASKED = "beacon.asked"
_HEADERS = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"vary", b"Authorization"),
)
_LINES = b"".join(
    b"%b: %b\r\n" % line for line in (*_HEADERS, (b"x-content-type-options", b"nosniff"))
)
Caller = Callable[[Request], Awaitable[Researcher | None]]
Door = Callable[[Request], Awaitable[Response]]


class _Asking(NamedTuple):
    """One request's own values; nothing of it outlives the request."""

    researcher: Researcher | None
    snapshot: Mapping[str, Segment]
    now: int
    book: PolicyBook
    entries: admission.Touched
    test: bool = False


class Doors:
    """What stands behind the addresses; `routes.install` says which door is where."""

    def __init__(
        self,
        node: NodeFacts,
        catalog: Catalog,
        book: PolicyBook,
        *,
        caller: Caller,
        record: Record,
        clock: Callable[[], float],
        disclosure: Disclosure,
        panels: Mapping[str, Panel] = NO_PANELS,
        objects: Objects = lambda _dataset: (),
    ) -> None:
        self._node = node
        self._links = Links(node.public_url, objects)
        self._catalog = catalog
        self._book = book
        self._admissions = admission.Admissions()
        self._synthetic = synthetic.SyntheticCatalog()
        self._synthetic_book = synthetic.book()
        self._synthetic_admissions = admission.Admissions()
        self._caller = caller
        self._record = record
        self._clock = clock
        self._disclosure = disclosure
        self._public = Public(panels, catalog.batches)
        self._listing = Listing(disclosure, self._public)
        self._waiting = WaitingRoom()

    # Framework

    async def info(self, request: Request) -> Response:
        _known(request, "requestedSchema")
        now = int(self._clock())
        public = (
            segment
            for dataset, segment in sorted(self._catalog.snapshot().items())
            if self._book.may_know(None, dataset, now=now)
        )
        schema = request.query_params.get("requestedSchema")
        return _json(info.info(self._node, public, requested_schema=schema))

    async def service_info(self, request: Request) -> Response:
        _known(request)
        return _json(dict(info.service_info(self._node)))

    async def configuration(self, request: Request) -> Response:
        _known(request)
        return _json(info.configuration(self._node, levels=self._levels()))

    async def entry_types(self, request: Request) -> Response:
        _known(request)
        return _json(info.entry_types(self._node))

    async def map(self, request: Request) -> Response:
        _known(request)
        return _json(info.beacon_map(self._node))

    async def filtering_terms(self, request: Request) -> Response:
        return await self._terms(request, None)

    def terms_of(self, entry: EntryTypeId) -> Door:
        """What this type of entry can be filtered by, at all or where one entry is held."""

        async def door(request: Request) -> Response:
            return await self._terms(request, entry)

        return door

    async def _terms(self, request: Request, entry: EntryTypeId | None) -> Response:
        _known(request, "skip", "limit", "testMode")
        frame = framing.of_get({"limit": "0", **request.query_params})
        researcher = await self._caller(request)
        asking = await self._testing() if frame.test_mode else self._asking(researcher, None)
        permitted: Sequence[admission.Permitted] = self._admit(asking).permitted
        if entry is not None and (named := request.path_params.get("id")) is not None:
            target = query.Target("dataset", parent=entry, parent_id=named)
            holding = await self._told_to_hold(query.from_get(target, ()), asking)
            permitted = [one for one in permitted if one.decision.dataset in holding]
        terms = (
            term
            for one in permitted
            for term in self._listing.of(one.segment, one.decision)
            if entry is None or entry in info.COLLECTIONS or term.scope == entry
        )
        limit = min(frame.limit or MAX_TERMS, MAX_TERMS)
        return _json(info.filtering_terms(self._node, terms, skip=frame.skip, limit=limit))

    # Entries

    def entries(self, entry: EntryTypeId) -> Door:
        return partial(self._answer, query.Target(entry))

    def single(self, entry: EntryTypeId) -> Door:
        async def door(request: Request) -> Response:
            target = query.Target(entry, entry_id=request.path_params["id"])
            return await self._answer(target, request)

        return door

    def nested(self, entry: EntryTypeId, parent: EntryTypeId) -> Door:
        async def door(request: Request) -> Response:
            target = query.Target(entry, parent=parent, parent_id=request.path_params["id"])
            return await self._answer(target, request)

        return door

    async def _answer(self, target: query.Target, request: Request) -> Response:
        researcher = await self._caller(request)
        asked = await _read(request, target)
        if asked.test_mode:
            asking = await self._testing()
        else:
            asking = self._asking(researcher, admission.touched(asked))
        try:
            if target.entry == "dataset":
                body, named = await self._datasets(asked, asking)
            else:
                outcome = await self._run(asked, asking)
                named = tuple([one.segment.facts.id for one in outcome.sets])
                links = None if asking.test else self._links
                body = response.answered(
                    asked, outcome, beacon_id=self._node.id, links=links, now=asking.now
                )
        except SkerryError as refusal:
            request.scope[_ASKED] = asked.echo
            await self._write(asked, asking, outcome=refusal.code, datasets=())
            raise
        answer = _json(body)
        await self._write(asked, asking, outcome="answered", datasets=named, meta=body["meta"])
        return answer

    async def _told_to_hold(self, asked: query.Query, asking: _Asking) -> Sequence[str]:
        """The datasets that hold an entry, which is an answer about it and recorded as one."""
        try:
            holding, _ = await self._holding(asked, asking)
        except SkerryError as refusal:
            await self._write(asked, asking, outcome=refusal.code, datasets=())
            raise
        await self._write(asked, asking, outcome="answered", datasets=tuple(holding))
        return holding

    async def _run(self, asked: query.Query, asking: _Asking) -> execute.Outcome:
        admitted, protection = self._admit(asking), self._protection(asking)
        of_variants = asked.target.entry == "genomicVariant" or asked.asks_for_carriers
        if admitted.waits and of_variants:
            return await self._waiting.run(partial(execute.run, asked, admitted, protection))
        return execute.run(asked, admitted, protection)

    async def _datasets(
        self, asked: query.Query, asking: _Asking
    ) -> tuple[dict[str, object], tuple[str, ...]]:
        """A dataset's own description needs no ceiling, only that the caller may know of it; which
        datasets hold an entry, or what is asked, is a presence, and answered as one."""
        holding, outcome = await self._holding(asked, asking)
        named = [
            dataset
            for dataset in holding
            if asked.target.entry_id in (None, dataset)
            and (not asked.datasets or dataset in asked.datasets)
        ]
        if asked.target.entry_id is not None and not named:
            raise UnknownEntry
        records = [self._dataset_record(dataset, asking) for dataset in named]
        body = response.datasets(
            asked,
            records,
            beacon_id=self._node.id,
            handovers=self._handovers(asked.target.entry_id, asking),
            outcome=outcome,
        )
        return body, tuple(named)

    def _handovers(self, dataset: str | None, asking: _Asking) -> Sequence[Handover]:
        if dataset is None or asking.test:
            return ()
        stream = asking.book.decide(asking.researcher, dataset, Action.STREAM, now=asking.now)
        return self._links.of(dataset, may_stream=stream.allowed, with_files=True)

    async def _holding(
        self, asked: query.Query, asking: _Asking
    ) -> tuple[Sequence[str], execute.Outcome | None]:
        """The datasets to be told of, and the answer that says so where something was asked."""
        if asked.target.parent is None and not asked.narrows:
            known = (
                dataset
                for dataset in sorted(asking.snapshot)
                if asking.book.may_know(asking.researcher, dataset, now=asking.now)
            )
            return tuple(known), None
        held = asked.of_what_is_held() if asked.narrows else asked.of_the_parent()
        outcome = await self._run(held, asking)
        found = (one.segment.facts.id for one in outcome.sets if one.answer.exists)
        return tuple(found), outcome

    def _dataset_record(self, dataset: str, asking: _Asking) -> dict[str, object]:
        facts = asking.snapshot[dataset].facts
        decision = asking.book.decide(asking.researcher, dataset, Action.DISCOVER, now=asking.now)
        record = response.dataset_record(
            dataset, name=facts.name, description=facts.description, metadata=facts.metadata
        )
        given = granted(Granularity.RECORD, decision).wire if decision.allowed else None
        policy = asking.book.policy(dataset)
        level = policy.level.name.lower() if policy is not None else None
        if policy is not None and policy.consent is not None:
            # What the policy enforces, whatever the dataset's own metadata say.
            record["dataUseConditions"] = {"duoDataUse": duo_data_use(policy.consent)}
        told = {"assembly": facts.assembly, "level": level, "granularityForYou": given}
        return record | {"info": told | response.catalogued(facts.metadata)}

    # Shared

    def _asking(self, researcher: Researcher | None, entries: admission.Touched) -> _Asking:
        now = int(self._clock())
        book = self._book.consult(researcher, Action.DISCOVER, now=now, entries=entries)
        return _Asking(researcher, self._catalog.snapshot(), now, book, entries)

    async def _testing(self) -> _Asking:
        """Whoever asks, and in whatever mode they sign in: the test data and nothing else."""
        snapshot = await self._synthetic.snapshot()
        return _Asking(None, snapshot, int(self._clock()), self._synthetic_book, None, test=True)

    def _admit(self, asking: _Asking) -> admission.Admission:
        admissions = self._synthetic_admissions if asking.test else self._admissions
        return admissions.admit(
            asking.book,
            asking.researcher,
            asking.snapshot,
            now=asking.now,
            entries=asking.entries,
        )

    def _protection(self, asking: _Asking) -> execute.Protection:
        who = asking.researcher
        subject = None if who is None else self._record.pseudonym(who.identity)
        asker = Asker(subject, asking.now)
        return execute.Protection(self._disclosure, self._public, asker, self._listing)

    def _levels(self) -> list[Level]:
        policies = (self._book.policy(dataset) for dataset in self._book.datasets())
        return [
            level
            for policy in policies
            if policy is not None
            for level, ceiling in policy.ceilings.items()
            if policy.listed and ceiling is not None and level >= policy.level
        ]

    async def _write(
        self,
        asked: query.Query,
        asking: _Asking,
        *,
        outcome: str,
        datasets: tuple[str, ...],
        meta: object = None,
    ) -> None:
        who, target = asking.researcher, asked.target
        question = orjson.dumps(
            [target.entry_id, target.parent_id, asked.echo], option=orjson.OPT_SORT_KEYS
        )
        form = _recorded(
            None if who is None else self._record.pseudonym(who.identity),
            target.entry,
            datasets,
            granularity=meta.get("returnedGranularity") if isinstance(meta, dict) else None,
            outcome=outcome,
            policy_version=asking.book.version,
        )
        await self._record.write(_ANSWER, form.of(self._record.fingerprint(question)))


@lru_cache(MAX_FORMS)
def _recorded(
    caller: str | None, entry: EntryTypeId, datasets: tuple[str, ...], **said: str | None
) -> Form:
    """What is recorded of an answer beside its question."""
    facts = {
        "caller": caller,
        "entry_type": entry,
        "datasets": datasets[:MAX_NAMED_DATASETS],
        "datasets_count": len(datasets),
        **said,
    }
    return Form(_ANSWER, facts, last="question")


async def _read(request: Request, target: query.Target) -> query.Query:
    query_string = request.scope["query_string"]
    if len(query_string) > query.MAX_QUERY_BYTES:
        raise BadQuestion(f"A query string may have at most {query.MAX_QUERY_BYTES} bytes.")
    if request.scope["method"] != "POST":
        return query.from_get(target, framing.pairs(query_string))
    if query_string:
        raise BadQuestion("A POST asks in its body, not in the address.")
    too_large = BodyTooLarge(f"A request body may have at most {MAX_BODY_BYTES} bytes.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MAX_BODY_BYTES:
        raise too_large  # before whoever sends it is told to go on (RFC 9110 10.1.1)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise too_large
    return query.from_body(target, bytes(body))


def asked_in(request: Request) -> RequestSummary | None:
    """What a refused request asked; None where it could not be read."""
    return request.scope.get(_ASKED)


def _known(request: Request, *names: str) -> None:
    query.refuse_unknown(request.query_params, frozenset(names))


def _json(body: Mapping[str, object]) -> Response:
    """Answers change with the caller, so no cache between us may keep them."""
    try:
        content = orjson.dumps(body)
    except TypeError as problem:
        raise CatalogError("An answer could not be made.", detail="not JSON") from problem
    return Json(content)


class Json(Response):
    """A whole JSON answer; its headers are written out, since computing them costs more."""

    def __init__(self, content: bytes) -> None:
        self.status_code = 200
        self.background = None
        self.body = content
        self.raw_headers = [*_HEADERS, (b"content-length", b"%d" % len(content))]

    @property
    def head(self) -> bytes:
        """Its header lines, for whoever sends them as they are."""
        return b"%bcontent-length: %d\r\n" % (_LINES, len(self.body))

"""Makes one `Query` of a GET or a POST (Beacon v2.2 requests).

Reads leniently (flat or nested parameters, comma lists or repeated keys, known misspellings) and
refuses by name whatever it does not know, since a dropped parameter widens an answer. Genomic
parameters are read by `variants`, filters by `filters`, the rest by `framing`; nothing here looks
at data or rights.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from access.policies.policy import Granularity
from beacon import filters as filter_rules
from beacon import framing, pages, phenopacket_form, request_body, variant_filters, variants
from beacon.catalog import Affecting, VariantQuestion, WithoutEffects
from beacon.errors import BadQuestion, UnsupportedQuestion
from beacon.framing import Framing
from beacon.pages import Page
from beacon.variant_filters import Parted
from beacon.variation import shorthand
from beacon.zygosity import Zygosities
from schemas.beacon import IncludeName, RequestSummary
from schemas.entries import ENTRY_TYPES, EntryTypeId, entry_type_named

MAX_QUERY_BYTES = 16 * 1024
MAX_LIMIT = 1000
MAX_SKIPPED_RECORDS = 2**31 - 1
MAX_DATASETS = 100

NARROWING = frozenset({"filters", "datasetIds"})
_KINDS = {
    **dict.fromkeys(variants.PARAMETERS, "text"),
    **dict.fromkeys(variants.INTEGERS, "whole"),
    **dict.fromkeys(variants.LISTS, "positions"),
    **dict.fromkeys(framing.PARAMETERS, "frame"),
    **{name: name for name in NARROWING},
}
_KNOWN = {
    **{name: (name, kind) for name, kind in _KINDS.items()},
    **{alias: (name, _KINDS[name]) for alias, name in variants.ALIASES.items()},
}
MAX_FRAMES = 256
# Default schemas go by an id, which other servers spell otherwise, and by where they are published.
_DEFAULT = re.compile(
    r"(?:ga4gh-)?beacon-(?P<type>\w{1,30})-v2(?:\.\d){0,2}|"
    r"https://raw\.githubusercontent\.com/ga4gh-beacon/beacon-v2/(?:main|v2\.\d\.\d)/"
    r"models/json/beacon-v2-default-model/(?P<folder>\w{1,30})/defaultSchema\.json",
    re.ASCII,
)
_OF_PEOPLE = (phenopacket_form.SCHEMA, phenopacket_form.SCHEMA_URL, "ga4gh-phenopacket-v2")


class Target(NamedTuple):
    """What an address names: a list, one entry (`entry_id`), or the list under a parent."""

    entry: EntryTypeId
    entry_id: str | None = None
    parent: EntryTypeId | None = None
    parent_id: str | None = None

    @property
    def takes_variant(self) -> bool:
        """Variants, those who carry them with what is theirs, and datasets that hold them."""
        if self.entry_id is not None or self.entry == "cohort":
            return False
        return self.parent is None if self.entry == "dataset" else self.parent != "genomicVariant"

    @property
    def takes_filters(self) -> bool:
        return self.entry_id is None and (self.entry != "dataset" or self.parent is None)


class Query(NamedTuple):
    """A question, whole and checked. `datasets` is empty for all; `filters` are those on records,
    `of_variants` those on what is carried; `skip` counts pages; `schema` is the one of its
    records."""

    target: Target
    asked: variants.Asked | None
    datasets: tuple[str, ...]
    filters: tuple[filter_rules.Filter, ...]
    granularity: Granularity
    include: IncludeName
    skip: int
    limit: int
    echo: RequestSummary
    test_mode: bool = False
    warnings: tuple[str, ...] = ()
    named: variants.Asked | None = None
    of_variants: Parted = variant_filters.NONE
    schema: str = ""

    @property
    def by_id(self) -> WithoutEffects | None:
        """The variant that the address names."""
        return self.named.question if self.named is not None else None

    @property
    def question(self) -> VariantQuestion | None:
        """Which variants are asked for, or about; None where it is not about them, or all."""
        where = self.named or self.asked
        question = where.question if where is not None else None
        rule = self.of_variants.effects
        return question if rule is None else Affecting(rule, question)

    @property
    def zygosity(self) -> Zygosities:
        """In how many copies a carrier has what is asked."""
        return self.of_variants.zygosity

    @property
    def picks_variants(self) -> bool:
        """Whether some are asked for beside what the address names."""
        return self.asked is not None or self.of_variants.effects is not None

    @property
    def asks_for_carriers(self) -> bool:
        """Whether people must be joined to variants, which needs genotypes."""
        if self.target.entry == "genomicVariant":
            narrowed = self.filters or self.zygosity
            return bool(narrowed) or self.target.parent not in (None, "dataset")
        return self.picks_variants or self.named is not None

    def of_the_parent(self) -> Query:
        """Whether the entry that the address hangs this list from is there."""
        parent = self.target.parent or self.target.entry
        target = Target(parent, entry_id=self.target.parent_id)
        return self._replace(target=target, granularity=Granularity.BOOLEAN)

    @property
    def narrows(self) -> bool:
        """Whether something is asked beside what the address names."""
        return bool(self.filters) or self.picks_variants

    def of_what_is_held(self) -> Query:
        """Of datasets: whether one holds somebody, or a variant, of which all this is true."""
        target = Target("genomicVariant" if self.picks_variants else "individual")
        return self._replace(target=target, granularity=Granularity.BOOLEAN)


_TAKE_VARIANTS = frozenset({Target("genomicVariant"), Target("individual")})  # known beforehand


def from_get(target: Target, pairs: Sequence[tuple[str, str]]) -> Query:
    """A query of decoded query-string pairs."""
    frame: dict[str, str] = {}
    genomic: dict[str, object] = {}
    filters: list[str] = []
    named: list[str] = []
    for given, value in pairs:
        name, kind = _KNOWN.get(given, (given, "unknown"))
        if kind == "text" and name not in genomic:  # as most are
            genomic[name] = value
        elif kind == "positions":
            positions = genomic.setdefault(name, [])
            positions += _written(name, value)  # type: ignore[operator]  # a list, one line above
        elif kind == "frame" and name not in frame:
            frame[name] = value
        elif kind == "filters":
            filters.append(value)
        elif kind == "datasetIds":
            named += value.split(",")
        elif kind == "whole" and name not in genomic:
            genomic[name] = framing.whole(name, value)
        else:
            refuse_unknown({given: value}, frozenset(_KNOWN))
            raise BadQuestion(f"{name} is given more than once.")
    return _query(
        target,
        _framed_get(target.entry, tuple(frame.items())),
        genomic,
        datasets=_dataset_ids(named) if named else (),
        read=filter_rules.read_get(filters) if filters else (),
    )


def from_body(target: Target, raw: bytes) -> Query:
    """A query of a POST body; an empty body asks with every default."""
    body = request_body.read(raw)
    genomic, datasets = _parameters(body.query.request_parameters or {})
    read = filter_rules.read(body.query.filters or [])
    frame = _framed(target.entry, framing.of_body(body))
    return _query(target, frame, genomic, datasets=datasets, read=read)


def refuse_unknown(given: Mapping[str, object], known: frozenset[str]) -> None:
    """A parameter that is read past could have narrowed the answer, so it is refused."""
    if not given.keys() <= known:
        unknown = sorted(name[:40] for name in given if name not in known)
        raise BadQuestion(f"Unknown parameters: {', '.join(unknown[:5])}.")


@dataclass(frozen=True, slots=True)
class _Framed:
    """A frame as it stands for one entry type; `echo` is what is told of it."""

    frame: Framing
    granularity: Granularity
    warnings: tuple[str, ...]
    page: Page
    echo: RequestSummary
    schema: str


def _framed(entry: EntryTypeId, frame: Framing) -> _Framed:
    schema = _schema(entry, frame.schemas)
    granularity, warnings = frame.heeded("record" if entry == "dataset" else "boolean")
    page = _within_reach(Page(frame.skip, frame.limit))
    echo: RequestSummary = {
        "apiVersion": frame.api_version,
        "requestedSchemas": [
            {"entityType": entity or entry, "schema": schema or ""}
            for entity, schema in frame.schemas
        ],
        "pagination": {"skip": page.skip, "limit": page.limit},
        "requestedGranularity": granularity.wire,
        "includeResultsetResponses": frame.include,
        "testMode": frame.test_mode,
    }
    return _Framed(frame, granularity, warnings, page, echo, schema)


@lru_cache(MAX_FRAMES)
def _framed_get(entry: EntryTypeId, made: tuple[tuple[str, str], ...]) -> _Framed:
    """Nearly all questions come in one of few frames."""
    return _framed(entry, framing.of_get(dict(made)))


def _query(
    target: Target,
    framed: _Framed,
    genomic: Mapping[str, object],
    *,
    datasets: tuple[str, ...],
    read: tuple[filter_rules.Filter, ...],
) -> Query:
    named = _named(target) if target.entry_id or target.parent_id else None
    beside = {} if named is not None and genomic.keys() == {"assemblyId"} else genomic
    _check_fits(target, beside, read=read)
    parameters: dict[str, dict[str, object]] = {}
    if genomic:
        parameters["g_variant"] = dict(genomic)
    if datasets:
        if len(datasets) > MAX_DATASETS or any(len(name) > 200 for name in datasets):
            raise BadQuestion(f"datasetIds names at most {MAX_DATASETS} datasets.")
        parameters["datasets"] = {"datasetIds": list(datasets)}
    echo: RequestSummary = {
        **framed.echo,
        "filters": [f.text for f in read] if read else [],
        "requestParameters": parameters,
    }
    asked = variants.recognise(beside) if beside else None
    frame, page = framed.frame, framed.page
    if frame.page_token is not None:
        page = _within_reach(pages.read(frame.page_token, echo))
        echo["pagination"] = {"skip": page.skip, "limit": page.limit}
    parted = variant_filters.parted(read) if read else variant_filters.NONE
    if read:
        _check_of_variants(target, parted, some=asked is not None or named is not None)
    return Query(
        target=target,
        asked=asked,
        datasets=datasets,
        filters=parted.records,
        granularity=framed.granularity,
        include=frame.include,
        skip=page.skip,
        limit=page.limit,
        echo=echo,
        test_mode=frame.test_mode,
        warnings=framed.warnings,
        named=None if named is None else variants.in_assembly(named, genomic),
        of_variants=parted,
        schema=framed.schema,
    )


def _within_reach(page: Page) -> Page:
    """The page asked for, within what may be had at once."""
    limit = min(page.limit or MAX_LIMIT, MAX_LIMIT)
    if page.skip * limit > MAX_SKIPPED_RECORDS:
        raise BadQuestion("skip is too large.")
    return Page(page.skip, limit)


def _named(target: Target) -> variants.Asked | None:
    if target.entry == "genomicVariant" and target.entry_id is not None:
        return shorthand.named(target.entry_id)
    if target.parent == "genomicVariant" and target.parent_id is not None:
        return shorthand.named(target.parent_id)
    return None


def _check_fits(
    target: Target, genomic: Mapping[str, object], *, read: tuple[filter_rules.Filter, ...]
) -> None:
    if genomic and target not in _TAKE_VARIANTS and not target.takes_variant:
        raise UnsupportedQuestion(
            "Genomic parameters are not supported at this address; they are at every list but "
            "those of cohorts and those under a variant, where an assemblyId is."
        )
    if read and not target.takes_filters:
        raise UnsupportedQuestion("Filters are not supported at this address.")


def _check_of_variants(target: Target, parted: Parted, *, some: bool) -> None:
    """Whether `some` are named by address or parameters, which effects need where no genomic
    parameters are taken."""
    if parted.effects is not None and not (some or target.takes_variant):
        raise UnsupportedQuestion(
            "An effect is asked of variants, which lists of cohorts are not narrowed by."
        )
    picked = some or parted.effects is not None
    if parted.zygosity and target.entry != "genomicVariant" and not picked:
        raise UnsupportedQuestion("A zygosity is asked of variants: name one, a gene or a range.")


def _schema(of: EntryTypeId, asked: Sequence[framing.Schema]) -> str:
    """Of the records to come: the default of their type, under any of its names, or of individuals
    a phenopacket. The first that is asked of the type counts."""
    chosen: dict[EntryTypeId, str] = {}
    for entity, schema in asked:
        entry = entry_type_named(entity or of)
        served = _served(entry, (schema or "").removeprefix("./")) if entry is not None else None
        if entry is None or served is None:
            raise UnsupportedQuestion(
                "A requested schema is not supported; those of /entry_types are."
            )
        chosen.setdefault(entry, served)
    return chosen.get(of, ENTRY_TYPES[of].schema_id)


def _served(entry: EntryTypeId, name: str) -> str | None:
    """The schema of this name; None where it is not served."""
    if entry == "individual" and name in _OF_PEOPLE:
        return phenopacket_form.SCHEMA
    found = _DEFAULT.fullmatch(name)
    same = found is not None and entry_type_named(found["type"] or found["folder"]) == entry
    return ENTRY_TYPES[entry].schema_id if same or name in ("", "beacon-v2-default") else None


def _parameters(given: Mapping[str, object]) -> tuple[dict[str, object], tuple[str, ...]]:
    """Genomic parameters and dataset ids of `requestParameters`, nested (standard) or flat."""
    genomic: list[tuple[str, object]] = []
    nested: object = None
    flat: object = None
    for name, value in given.items():
        if name == "$schema":
            continue
        if isinstance(value, dict):
            if name == "datasets":
                refuse_unknown(value, frozenset({"datasetIds"}))
                nested = value.get("datasetIds")
            elif entry_type_named(name) == "genomicVariant":
                genomic.extend(value.items())
            else:
                raise BadQuestion(f"Unknown parameters: {name[:40]}.")
        elif name == "datasetIds":
            flat = value
        else:
            genomic.append((name, value))
    named = _once((variants.ALIASES.get(n, n), v) for n, v in genomic if v is not None)
    refuse_unknown(named, variants.PARAMETERS)
    named = {name: _numbers(name, value) for name, value in named.items()}
    if nested is not None and flat is not None:
        raise BadQuestion("datasetIds is given more than once.")
    return named, _dataset_ids(flat if nested is None else nested)


def _once(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """A parameter in two spellings, or nested and flat, would be two questions."""
    named: dict[str, object] = {}
    for name, value in pairs:
        if name in named:
            raise BadQuestion(f"{name[:40]} is given more than once.")
        named[name] = value
    return named


def _numbers(name: str, value: object) -> object:
    """As a GET has them: positions in a list, and read where they came as text."""
    if name in variants.LISTS:
        given = value if isinstance(value, list) else [value]
        return [number for each in given for number in _written(name, each)]
    if name in variants.INTEGERS and isinstance(value, str):
        return framing.whole(name, value)
    return value


def _written(name: str, value: object) -> list[object]:
    """The numbers of a comma list, or what is no text as it is."""
    if isinstance(value, str):
        return [framing.whole(name, part) for part in value.split(",")]
    return [value]


def _dataset_ids(value: object) -> tuple[str, ...]:
    """None asks every dataset. An empty name is refused: dropping it could ask every dataset."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadQuestion("datasetIds must be a list of strings.")
    if not value or not all(item.strip() for item in value):
        raise BadQuestion("datasetIds is empty or has an empty name; leave it out to ask of all.")
    return tuple(value)

"""ClickHouse and the segment file give the same answer to every question, records included."""

# ruff: noqa: S311 - seeds of examples

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyroaring import BitMap

from beacon import manifest, withdrawals
from beacon.catalog import (
    Affecting,
    Allele,
    AminoacidChange,
    ById,
    ByIdentifier,
    ChangeWithin,
    Edited,
    InGene,
    Segment,
    Span,
    VariantQuestion,
    WithoutEffects,
)
from beacon.clickhouse import bitmaps, published, schema, serving
from beacon.clickhouse.engine import ChdbEngine, Engine, HttpEngine, Value
from beacon.clickhouse.loading import load as load_clickhouse
from beacon.clickhouse.segment import MAX_CANDIDATES, ClickHouseSegment
from beacon.copy_number import TOLD_BY_COPIES, Level
from beacon.effect_rules import EVERY, EffectRule
from beacon.errors import CatalogError, UnsupportedQuestion
from beacon.loading.load import DatasetSource, load
from beacon.segments import SegmentCatalog
from beacon.zygosity import Zygosity
from tests.support.bases import TextReference
from tests.support.clickhouse_server import Server
from tests.support.shared import shared_data
from tests.support.sources import write_records, write_vcf

SAMPLES = tuple(f"P{number}" for number in range(12))
HEADER = """##fileformat=VCFv4.3
##contig=<ID=chr1,length=248956422>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=CN,Number=1,Type=Integer,Description="Copies">
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##INFO=<ID=CSQ,Number=.,Type=String,Description="Format: Allele|Consequence|SYMBOL|HGVSc|HGVSp">
##ALT=<ID=DEL,Description="Deletion">
##ALT=<ID=DUP,Description="Duplication">
##ALT=<ID=CNV,Description="Copy number">
"""
COPIES = (":0", ":1", ":2", ":3", ":5", ":.", "")
STATED = ("missense_variant", "stop_gained&splice_region_variant", "synonymous_variant")
MISSENSE, STOP, SPLICE = "SO:0001583", "SO:0001587", "SO:0001630"
OF_NOTHING = (EffectRule((("SO:0001893",),), "01"), EffectRule((), "0"))
RULES = (
    EffectRule(((MISSENSE,),), "01"),
    EffectRule(((MISSENSE, STOP),), "01"),
    EffectRule(((MISSENSE, STOP),), "10"),
    EffectRule(((STOP,), (SPLICE,)), "0001"),
    EffectRule(((MISSENSE,), (STOP,), (SPLICE,)), "10010111"),
    EVERY,
    *OF_NOTHING,
)
CALLS = ("0/0", "0/1", "1|1", "0|1", "./.", ".|1", "1")


@dataclass(frozen=True)
class Both:
    """One dataset version in both engines."""

    file: Segment
    clickhouse: ClickHouseSegment
    seen: tuple[Any, ...]  # stored variants, to ask about


def _line(draw: random.Random, text: str, at: int) -> str:
    ref = text[at]
    kind = draw.choice(("snv", "snv", "ins", "del", "mnv", "symbolic", "two"))
    info, alts = ".", ""
    if kind == "ins":
        alts = ref + "".join(draw.choice("ACGT") for _ in range(draw.randint(1, 4)))
        if draw.random() < 0.5:
            alts = ref + text[at + 1 : at + 1 + draw.randint(1, 3)]  # a repeat: it can be moved
    elif kind == "del":
        ref = text[at : at + draw.randint(2, 6)]
        alts = ref[0]
    elif kind == "mnv":
        ref = text[at : at + 3]
        alts = "".join(draw.choice([b for b in "ACGT" if b != base]) for base in ref)
    elif kind == "symbolic":
        alts, info = draw.choice(("<DEL>", "<DUP>", "<CNV>")), f"END={at + draw.randint(20, 90)}"
    elif kind == "two":
        first, second = draw.sample([base for base in "ACGT" if base != ref], 2)
        alts = f"{first},{second}"
    else:
        alts = draw.choice([base for base in "ACGT" if base != ref])
    if kind == "snv" and draw.random() < 0.6:
        gene = draw.choice(("BRCA2", "ISLE1"))
        info = f"CSQ={alts}|{STATED[at % 3]}|{gene}|NM_1.1:c.{at}A>G|NP_1.1:p.Val{at}Glu"
    name = f"rs{at + 1}" if draw.random() < 0.7 else "."
    calls = " ".join(
        draw.choice(CALLS if "," not in alts else (*CALLS, "1/2", "2|0"))
        + (draw.choice(COPIES) if kind == "symbolic" else "")
        for _ in SAMPLES
    )
    return f"{at + 1} {name} {ref} {alts} {info} {calls}"


def _text(draw: random.Random) -> str:
    repeats = "".join(unit * draw.randint(2, 8) for unit in ("CA", "T", "GGA", "AC", "G") * 20)
    return "".join(draw.choice("ACGT") for _ in range(400)) + repeats


def _source(folder: Path, seed: int, *, compared: bool) -> DatasetSource:
    draw = random.Random(seed)
    text = _text(draw)
    places = sorted(draw.sample(range(5, len(text) - 100), 150))
    vcf = write_vcf(
        folder / "a.vcf.gz",
        [_line(draw, text, at) for at in places],
        samples=SAMPLES,
        header=HEADER,
    )
    # Those not compared come two from a person, which neither engine may take for one another.
    owners = SAMPLES if compared else [f"Q{number // 2}" for number in range(len(SAMPLES))]
    female = {"id": "NCIT:C16576", "label": "female"}
    people = [{"id": name, "sex": female} for name in dict.fromkeys(owners)]
    biosamples = [
        {"id": name, "individualId": owner} for name, owner in zip(SAMPLES, owners, strict=True)
    ]
    return DatasetSource(
        *("small", "Small", "random", "GRCh38", (vcf,)),
        individuals=write_records(folder / "people.json", people),
        biosamples=write_records(folder / "biosamples.json", biosamples),
        reference="own",
        bases=TextReference(text) if compared else None,
    )


# The only shard that a process without a server can have: itself.
CLUSTER = """<clickhouse><tcp_port>9000</tcp_port><remote_servers><skerry><shard><replica>
<host>localhost</host><port>9000</port></replica></shard></skerry></remote_servers></clickhouse>"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    folder = tmp_path_factory.mktemp("clickhouse")
    (folder / "config.xml").write_text(CLUSTER, encoding="utf-8")
    made = ChdbEngine(folder / "tables", config=folder / "config.xml")
    yield made
    made.close()


def _both(
    folder: Path,
    source: DatasetSource,
    engine: Engine,
    *,
    prepare: Callable[[str], None] = lambda _name: None,
) -> Both:
    """`prepare` is told the database before anything is loaded there."""
    catalog = folder / "catalog"
    catalog.mkdir()
    load(source, catalog)
    segment = SegmentCatalog(catalog).snapshot()[source.id]
    entry = manifest.read(catalog)[source.id]
    prepare(schema.database(source.id, segment.facts.version))
    database = load_clickhouse(
        engine,
        segment.facts,
        segment=catalog / entry.file,
        variants=catalog / manifest.parquet_name(entry.file),
    )
    seen = segment.variants(None, samples=None, skip=0, limit=2_000).rows
    return Both(segment, ClickHouseSegment(segment, engine, database), seen)


@pytest.fixture(scope="module", params=["compared with a reference", "not compared"])
def small(
    tmp_path_factory: pytest.TempPathFactory, engine: ChdbEngine, request: pytest.FixtureRequest
) -> Both:
    folder = tmp_path_factory.mktemp("small")
    compared = request.param == "compared with a reference"
    return _both(folder, _source(folder, 11 + compared, compared=compared), engine)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, engine: ChdbEngine) -> Both:
    data = shared_data("beacon")
    source = DatasetSource(
        *("uk1", "UK1", "", "GRCh37", (data / "1000g/test_1000G.b37.chr1.vcf.gz",)),
        individuals=data / "cineca-uk1/individuals.json.gz",
        biosamples=data / "cineca-uk1/biosamples.json.gz",
    )
    return _both(tmp_path_factory.mktemp("real"), source, engine)


def questions(seen: tuple[Any, ...], seed: int, count: int) -> Iterator[VariantQuestion]:
    draw = random.Random(seed)
    last = max(row.end0 for row in seen)
    for _ in range(count):
        row = draw.choice(seen)
        allele = row.allele
        start0 = max(0, allele.start0 + draw.randint(-150, 50))
        narrow: dict[str, Any] = {}
        if draw.random() < 0.5:
            narrow["variant_type"] = draw.choice(("SNP", "INDEL", "DEL", "CNV", "SO:0001059"))
        if draw.random() < 0.3:
            narrow["min_length"] = draw.randint(0, 5)
        if draw.random() < 0.3:
            narrow["max_length"] = draw.randint(1, 60)
        if draw.random() < 0.3:
            narrow["alt"] = draw.choice(("A", "N", "NN", "", "CA"))
        shift = draw.randint(-3, 3)
        yield draw.choice(
            (
                allele,
                Allele("1", allele.start0, allele.ref, draw.choice(("N", "A", "CAN"))),
                Allele("1", max(0, allele.start0 + 1 + shift), "", allele.alt[1:] or "A"),
                Allele("1", allele.start0 + 1, allele.ref[1:] or "A", ""),
                Edited("1", allele.start0 + 1, row.end0, draw.choice(("DEL", "DUP"))),
                Edited("1", allele.start0 + 1 + shift, row.end0 + shift, "DEL"),
                Edited("1", allele.start0, row.end0, "INV"),
                Span("1", start0, start0 + draw.choice((1, 10, 200)), **narrow),
                Span(
                    "1", start0, last,
                    starts=(start0, start0 + 100), ends=(start0, start0 + 300), **narrow,
                ),
                Span("X", 0, last),
                Span(
                    "1", start0, start0 + 1, alt=row.allele.alt, starts=(start0, start0 + 1),
                    ends=(0, 2**31 - 1), exact=True,
                ),
                InGene(draw.choice(("BRCA2", "isle1", "NONE")), **narrow),
                AminoacidChange(draw.choice(row.annotations.aminoacid_changes or ("V600E",))),
                AminoacidChange(
                    draw.choice(row.annotations.aminoacid_changes or ("V600E",)), "BRCA2"
                ),
                ByIdentifier(draw.choice((*row.identifiers, "rs999999999"))),
                ByIdentifier(draw.choice((*row.annotations.transcript_hgvs, "NM_9.9:c.1A>T"))),
                ById(row.variant_id),
                ById(f"1-{allele.start0 + 2}-{allele.ref[1:] or 'A'}-{allele.alt}"),
                ById("nonsense"),
            )
        )  # fmt: skip


def changes_in_places(seen: tuple[Any, ...], seed: int, count: int) -> Iterator[ChangeWithin]:
    draw = random.Random(seed)
    changed = [row for row in seen if row.annotations.aminoacid_changes]
    for _ in range(count):
        row = draw.choice(changed)
        named = draw.choice(row.annotations.aminoacid_changes)
        change = AminoacidChange(named, draw.choice((None, *row.annotations.genes, "NONE")))
        start0 = row.allele.start0 + draw.choice((-40, 0, 0, 1))
        narrow: dict[str, Any] = {}
        if draw.random() < 0.4:
            narrow["variant_type"] = draw.choice(("SNP", "SNP", "INDEL", "DEL"))
        if draw.random() < 0.3:
            narrow["min_length"] = draw.randint(0, 2)
        if draw.random() < 0.3:
            narrow["max_length"] = draw.randint(1, 9)
        if draw.random() < 0.3:
            narrow["alt"] = draw.choice((row.allele.alt, "N", "NN"))
        windows = (start0, start0 + 41), (start0 + 1, start0 + 90)
        yield ChangeWithin(
            change,
            draw.choice(
                (
                    Span("1", start0, start0 + draw.choice((1, 41)), **narrow),
                    Span("1", start0, start0 + 90, starts=windows[0], ends=windows[1], **narrow),
                    Span("X", 0, start0 + 90, **narrow),
                    InGene(draw.choice((*row.annotations.genes, "isle1", "NONE")), **narrow),
                )
            ),
        )


def _answer(segment: Any, ask: Any) -> Any:
    try:
        return ask(segment)
    except UnsupportedQuestion:
        return "unsupported"


def assert_equal(both: Both, question: VariantQuestion, draw: random.Random) -> bool:
    samples = None
    if both.file.facts.genotypes and draw.random() < 0.5:
        every = both.file.matching("genomicVariant", ())
        samples = BitMap(draw.sample(list(every), draw.randint(0, 5)))
    skip, limit = draw.choice(((0, 10), (1, 3), (0, 0), (5, 100)))
    zygosity = frozenset(draw.sample(list(Zygosity), draw.choice((0, 0, 1, 2))))

    def page(segment: Segment) -> Any:
        return segment.variants(
            question, samples=samples, skip=skip, limit=limit, zygosity=zygosity
        )

    def carriers(segment: Segment) -> Any:
        return sorted(segment.carriers(question, zygosity=zygosity))

    expected = _answer(both.file, page)
    assert _answer(both.clickhouse, page) == expected, question
    assert _answer(both.clickhouse, carriers) == _answer(both.file, carriers), question
    return expected != "unsupported" and bool(expected.total)


def test_every_kind_of_question_has_one_answer(small: Both) -> None:
    draw = random.Random(3)
    found: dict[str, int] = {}
    for question in questions(small.seen, seed=5, count=400):
        name = type(question).__name__
        found[name] = found.get(name, 0) + assert_equal(small, question, draw)
    assert min(found[name] for name in found) > 0, found


def test_effects_narrow_every_kind_of_question_to_one_answer(small: Both) -> None:
    draw = random.Random(6)
    asked = questions(small.seen, seed=8, count=60)
    for question, rule in zip(asked, cycle(RULES), strict=False):
        assert isinstance(question, WithoutEffects)
        assert_equal(small, Affecting(rule, question), draw)
    for rule in RULES:
        for within in (None, InGene("BRCA2"), Span("1", 0, 2**31 - 1)):
            page = small.file.variants(Affecting(rule, within), samples=None, skip=0, limit=0)
            assert bool(page.total) == (rule not in OF_NOTHING), (rule, within)
            assert_equal(small, Affecting(rule, within), draw)


def test_a_change_in_a_place_has_one_answer(small: Both) -> None:
    draw = random.Random(8)
    asked = list(changes_in_places(small.seen, seed=9, count=150))
    hits = [assert_equal(small, each, draw) for each in asked]
    for kind in (Span, InGene):
        found = [hit for hit, each in zip(hits, asked, strict=True) if type(each.within) is kind]
        assert 0 < sum(found) < len(found)


def test_real_genotypes_have_one_answer_too(real: Both) -> None:
    draw = random.Random(4)
    hits = [assert_equal(real, one, draw) for one in questions(real.seen, seed=6, count=220)]
    assert sum(hits) > 10


@pytest.mark.parametrize("level", TOLD_BY_COPIES)
def test_how_far_a_copy_number_went_has_one_answer(small: Both, level: Level) -> None:
    draw = random.Random(7)
    whole = Span("1", 0, 10_000, variant_type=level)
    assert assert_equal(small, whole, random.Random(2))  # of everybody
    hits = [assert_equal(small, replace(whole, start0=at), draw) for at in range(0, 600, 60)]
    assert 0 < sum(hits) < len(hits)


def test_all_variants_and_their_calls_are_the_same(small: Both) -> None:
    def page(segment: Segment) -> Any:
        return segment.variants(None, samples=None, skip=3, limit=500)

    assert page(small.clickhouse) == page(small.file)
    for row in small.seen[:60]:
        for limit in (0, 2, 100):
            expected = list(small.file.calls(row.row, limit=limit))
            assert list(small.clickhouse.calls(row.row, limit=limit)) == expected


def test_vrs_identifiers_find_the_same_rows(tmp_path: Path, engine: ChdbEngine) -> None:
    from beacon.variation import naming

    both = _both(tmp_path, _source(tmp_path, 21, compared=True), engine)
    named = 0
    for row in both.seen:
        names = naming.names(row.allele, row.reach, assembly="GRCh38")
        if names is None or names.vrs is None:
            continue
        named += 1
        question = ByIdentifier(names.vrs)
        expected = both.file.variants(question, samples=None, skip=0, limit=10)
        assert both.clickhouse.variants(question, samples=None, skip=0, limit=10) == expected
        found_in_somebody = row.allele_count > 0 or row.allele_number == 0
        assert (row.row in {one.row for one in expected.rows}) is found_in_somebody
    assert named > 50


HOSTILE = (
    "'",
    "\\",
    "'; DROP TABLE variants; --",
    "{x:String}",
    "\0",
    "\n\t",
    "%",
    "💧",
    "a" * 9_000,
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_of_a_question_is_ever_part_of_a_statement(
    small: Both, engine: ChdbEngine, text: str
) -> None:
    before = engine.ask("SELECT count() FROM system.tables")
    for question in (
        InGene(text),
        AminoacidChange(text, text),
        ChangeWithin(AminoacidChange(text, text), InGene(text)),
        ByIdentifier(f"rs1{text}"),
        ById(text),
        Affecting(EffectRule(((text,),), "01")),
    ):
        try:
            assert small.clickhouse.variants(question, samples=None, skip=0, limit=5).total == 0
        except UnsupportedQuestion:
            continue
    assert engine.ask("SELECT {given:String}", given=text.replace("\0", "")) == [
        [text.replace("\0", "")]
    ]
    assert engine.ask("SELECT count() FROM system.tables") == before


@pytest.fixture
def server(engine: ChdbEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HttpEngine:
    monkeypatch.setattr("beacon.clickhouse.engine._SECONDS", 600.0)  # of a busy machine
    transport = Server(engine, tmp_path)
    return HttpEngine(httpx.Client(transport=transport, base_url="http://clickhouse.example"))


def test_a_server_is_asked_as_the_engine_in_this_process(
    tmp_path: Path, server: HttpEngine
) -> None:
    both = _both(tmp_path, _source(tmp_path, 31, compared=True), server)
    draw = random.Random(8)
    hits = [assert_equal(both, one, draw) for one in questions(both.seen, seed=9, count=120)]
    assert sum(hits) > 10
    row = both.seen[0].row
    assert both.clickhouse.calls(row, limit=9) == list(both.file.calls(row, limit=9))
    with pytest.raises(CatalogError):
        server.ask("SELECT nonsense FROM nowhere")


def test_a_server_takes_a_crowd_of_a_million_and_as_many_kept_rows_as_there_can_be(
    server: HttpEngine,
) -> None:
    draw = random.Random(12)
    crowd = BitMap(number for number in range(2_000_000) if draw.random() < 0.5)
    kept = BitMap(draw.sample(range(2**32), MAX_CANDIDATES))
    people, rows = bitmaps.bound("people", crowd), bitmaps.bound("kept", kept)
    ((found, among),) = server.ask(
        f"SELECT (SELECT groupBitmap(c) FROM {people.sql} AS p (c)), "  # noqa: S608
        f"(SELECT groupBitmap(c) FROM {rows.sql} AS k (c))",
        **people.values,
        **rows.values,
    )
    assert (int(found), int(among)) == (len(crowd), len(kept))
    ((back,),) = server.ask(
        f"SELECT {bitmaps.gathered('c')} FROM {people.sql} AS p (c)",  # noqa: S608
        **people.values,
    )
    assert bitmaps.read(back) == crowd


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_server_is_given_every_text_as_a_value(server: HttpEngine, text: str) -> None:
    plain = text.replace("\0", "")
    sql = "SELECT {given:String}, {many:Array(String)}"
    assert server.ask(sql, given=plain, many=[plain, "a"]) == [[plain, [plain, "a"]]]


@pytest.mark.parametrize(
    "answer",
    [
        b"[1]\nCode: 241. DB::Exception: Memory limit exceeded (MEMORY_LIMIT_EXCEEDED)\n",
        b"[1]\n[2",
        b"<html>a proxy</html>",
        b"\xff",
    ],
)
def test_an_answer_that_fails_half_way_is_an_error_and_not_fewer_rows(answer: bytes) -> None:
    asked: list[httpx.Request] = []

    def answering(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=answer)

    http = httpx.Client(transport=httpx.MockTransport(answering), base_url="http://ch.example")
    with pytest.raises(CatalogError, match="cannot be asked now"):
        HttpEngine(http).ask("SELECT 1")
    assert asked[0].url.params["wait_end_of_query"] == "1"


@dataclass(frozen=True)
class Recording:
    """Another engine, and what is bound in what it is asked."""

    engine: Engine
    bound: list[tuple[str, Value]]

    def ask(self, sql: str, **values: Value) -> list[list[Any]]:
        self.bound.extend(values.items())
        return self.engine.ask(sql, **values)

    def run(self, sql: str, **values: Value) -> None:
        self.engine.run(sql, **values)

    def insert(self, table: str, parquet: Path) -> None:
        self.engine.insert(table, parquet)


def test_no_list_of_people_rows_or_samples_is_ever_bound(tmp_path: Path, real: Both) -> None:
    """Joins stay inside the engine; between the engines sets travel as bitmaps."""
    recording = Recording(real.clickhouse._engine, [])
    both = replace(real, clickhouse=ClickHouseSegment(real.file, recording, real.clickhouse._name))
    draw = random.Random(14)
    for question in questions(both.seen, seed=15, count=60):
        assert_equal(both, question, draw)
    often = max(both.seen, key=lambda row: row.carriers or 0)
    assert len(both.clickhouse.calls(often.row, limit=5_000)) > 1_000
    lists = {name for name, each in recording.bound if not isinstance(each, str | int | float)}
    assert lists == {"types", "codes", "how_far"}, "kinds of variants, of genotypes and of levels"


def test_loading_again_changes_nothing_and_a_half_loaded_version_is_made_again(
    tmp_path: Path, engine: ChdbEngine
) -> None:
    both = _both(tmp_path, _source(tmp_path, 41, compared=False), engine)
    facts = both.file.facts
    name = schema.database(facts.id, facts.version)
    engine.run(f"ALTER TABLE {name}.loaded DELETE WHERE 1 SETTINGS mutations_sync = 2")
    engine.run(f"ALTER TABLE {name}.variants DELETE WHERE row > 3 SETTINGS mutations_sync = 2")
    catalog = tmp_path / "catalog"
    entry = manifest.read(catalog)[facts.id]
    for _ in range(2):
        again = load_clickhouse(
            engine,
            facts,
            segment=catalog / entry.file,
            variants=catalog / manifest.parquet_name(entry.file),
        )
        assert again == name
        assert both.clickhouse.variants(None, samples=None, skip=0, limit=0).total == facts.variants


class Twice(Recording):
    """Somebody else fills the same tables."""

    def insert(self, table: str, parquet: Path) -> None:
        for _ in range(2):
            super().insert(table, parquet)


def test_tables_that_two_filled_at_once_are_no_version(tmp_path: Path, engine: ChdbEngine) -> None:
    with pytest.raises(CatalogError, match="publish again"):
        _both(tmp_path, _source(tmp_path, 42, compared=False), Twice(engine, []))
    assert serving.publish(engine, tmp_path / "catalog") == ("small",)
    served = SegmentCatalog(tmp_path / "catalog", form=serving.form(engine)).snapshot()["small"]
    whole = served.variants(None, samples=None, skip=0, limit=0)
    assert whole.total == served.facts.variants


def test_who_publishes_waits_for_who_is_publishing(tmp_path: Path, engine: ChdbEngine) -> None:
    """Else a version half loaded there would be made again from under the other."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    load(_source(tmp_path, 53, compared=False), folder)
    done: list[tuple[str, ...]] = []
    with published.publishing(folder):
        other = threading.Thread(target=lambda: done.append(serving.publish(engine, folder)))
        other.start()
        other.join(0.3)
        assert not done
    other.join(600)
    assert done == [("small",)]


def test_an_engine_that_cannot_answer_is_never_a_no(small: Both, engine: ChdbEngine) -> None:
    lost = ClickHouseSegment(small.file, engine, "v" + "0" * 32)
    with pytest.raises(CatalogError):
        lost.variants(small.seen[0].allele, samples=None, skip=0, limit=0)


def test_a_version_is_served_once_it_is_published(tmp_path: Path, engine: ChdbEngine) -> None:
    folder = tmp_path / "catalog"
    folder.mkdir()
    load(_source(tmp_path, 51, compared=False), folder)
    with pytest.raises(CatalogError):
        SegmentCatalog(folder, form=serving.form(engine))
    told: list[int] = []
    assert serving.publish(engine, folder, tell=lambda _, rows: told.append(rows)) == ("small",)
    assert serving.publish(engine, folder) == ()
    served = SegmentCatalog(folder, form=serving.form(engine)).snapshot()["small"]
    assert isinstance(served, ClickHouseSegment)
    assert told[-1] == served.variants(None, samples=None, skip=0, limit=0).total


def _held(engine: ChdbEngine) -> set[str]:
    return {name for (name,) in engine.ask("SELECT name FROM system.databases")}


def test_what_no_version_stands_for_any_more_is_dropped_and_nothing_of_others(
    tmp_path: Path, engine: ChdbEngine
) -> None:
    folder = tmp_path / "catalog"
    folder.mkdir()
    source = _source(tmp_path, 52, compared=False)
    first = load(source, folder).version
    serving.publish(engine, folder)
    (of_first,) = published.read(folder)
    second = load(replace(source, name="second"), folder).version
    others = _held(engine) - {of_first}
    serving.publish(engine, folder)
    assert {of_first, schema.database("small", second)} == published.read(folder)

    assert withdrawals.add(folder, "small", "Q0")
    third = load(source, folder).version
    assert third not in {first, second}
    serving.publish(engine, folder)
    left = schema.database("small", third)
    assert published.read(folder) == {left}
    assert _held(engine) == others | {left}
    (folder / "clickhouse.json").write_text('{"databases": ["default"]}')
    with pytest.raises(CatalogError):
        serving.publish(engine, folder)
    assert "default" in _held(engine)


def test_more_candidates_than_are_looked_at_are_never_a_no(
    small: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beacon.clickhouse.segment.MAX_CANDIDATES", 1)
    moved = next(row for row in small.seen if len(row.allele.ref) < len(row.allele.alt))
    with pytest.raises(CatalogError):
        small.clickhouse.variants(ById(moved.variant_id), samples=None, skip=0, limit=0)


def test_every_statement_of_a_cluster_is_one_that_clickhouse_reads(engine: ChdbEngine) -> None:
    made = schema.clustered(schema.database("d", "1"), "skerry")
    assert [each for each in made if not each.startswith("CREATE ")] == []
    for statement in made:
        assert engine.ask(f"EXPLAIN AST {statement}")
    with pytest.raises(CatalogError):
        engine.ask(f"EXPLAIN AST {made[1].replace(') ENGINE', ' ENGINE', 1)}")


def test_a_cluster_has_every_table_of_one_server_with_the_same_columns() -> None:
    name = schema.database("d", "1")
    alone, spread = schema.statements(name), "\n".join(schema.clustered(name, "skerry"))
    for statement in alone[1:]:
        columns = statement[statement.index("(") : statement.index(" ENGINE")]
        assert columns in spread
    for table in schema.TABLES:
        assert f"CREATE TABLE {name}.{table} ON CLUSTER skerry" in spread


def test_distributed_tables_give_the_same_answers(tmp_path: Path, engine: ChdbEngine) -> None:
    """The cluster's own statements but for what needs a Keeper, over the one shard there is."""
    ran = []

    def prepare(name: str) -> None:
        for statement in schema.clustered(name, "skerry"):
            alone = re.sub(r"ReplicatedMergeTree\([^)]*\)", "MergeTree", statement)
            engine.run(alone.replace(" ON CLUSTER skerry", ""))
            ran.append(alone)

    engine.run("SET distributed_foreground_insert = 1, distributed_product_mode = 'global'")
    both = _both(tmp_path, _source(tmp_path, 61, compared=True), engine, prepare=prepare)
    assert sum("Distributed(" in each for each in ran) == 2
    name = schema.database("small", both.file.facts.version)
    for table in ("variants", "carried"):
        ((there,),) = engine.ask(f"SELECT count() FROM {name}.{table}_local")  # noqa: S608
        assert int(there) > 0
    draw = random.Random(8)
    hits = [assert_equal(both, one, draw) for one in questions(both.seen, seed=9, count=60)]
    assert 10 < sum(hits) < len(hits)


def test_the_statements_of_a_cluster_are_what_the_page_on_scale_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = Path(__file__).parents[2] / "docs" / "scale.md"
    (command,) = re.findall(r'python -c "(.*clustered.*)"', page.read_text(encoding="utf-8"))
    exec(command)  # noqa: S102 - a line of our own documentation
    printed = capsys.readouterr().out.strip().split(";\n")
    assert printed == list(schema.clustered(schema.database("DATASET", "VERSION"), "CLUSTER"))

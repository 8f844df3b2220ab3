"""A place is lifted where a chain file says so without doubt, and nowhere else.

Chains here are small and made up; the oracle walks them base by base.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import SettingsError
from portal.nodes.node import Abilities, Node
from portal.questions.chain_files import ChainMap, read_chains
from portal.questions.lifting import targets
from portal.questions.liftover import Liftover, fitting
from portal.questions.prospects import prospect
from portal.questions.question import Kind, Question, parse
from portal.settings import ChainFile, PortalSettings
from tests.support.assembly_node import AssemblyNode, browser
from tests.support.loopback import served

# Chromosome 1: 100-200 goes to 1100-1200, then a gap of 10 in the old one, 210-300 to 1200-1290.
# Chromosome 5: 0-50 goes to the other strand of a sequence of 500: its base 0 to 399, 49 to 350.
CHAINS = """# made up
chain 900 chr1 1000 + 100 300 chr1 2000 + 1100 1290 1
100 10 0
90

chain 800 chr2 1000 + 0 50 chr3 500 + 100 150 2
50
chain 700 chr5 1000 + 0 50 chr3 500 - 100 150 3
50

chain 600 chrM 1000 + 0 50 chrM 500 + 0 50 4
50
chain 500 chr1_alt 1000 + 0 50 chr1 500 + 0 50 5
50
"""


@pytest.fixture
def liftover(tmp_path: Path) -> Liftover:
    return Liftover([_file(tmp_path, CHAINS)])


def _file(folder: Path, text: str) -> ChainFile:
    path = folder / "old-to-new.chain"
    path.write_text(text)
    return ChainFile(source="GRCh37", target="GRCh38", path=path)


def lifted(liftover: Liftover, typed: str, assembly: str = "GRCh37") -> str | None:
    (one,) = liftover.counterparts(parse(typed, assembly=assembly))
    assert (one.question is None) == bool(one.reason)
    return one.question.text if one.question else None


@pytest.mark.parametrize(
    ("typed", "there"),
    [
        ("1:101 A>C", "1:1101 A>C"),
        ("1:200 A>C", "1:1200 A>C"),
        ("1:211 A>AC", "1:1201 A>AC"),
        ("1:195 ACGT>A", "1:1195 ACGT>A"),
        ("2:1 A>C", "3:101 A>C"),
        ("5:1 A>C", "3:400 T>G"),
        ("5:50 AC>TT", None),
        ("5:10 AC>TT", "3:390 GT>AA"),
        ("5:10 A>AC", None),
        ("1:100 A>C", None),
        ("1:205 A>C", None),
        ("1:199 ACGT>A", None),
        ("1:301 A>C", None),
        ("9:101 A>C", None),
        ("MT:101 A>C", "MT:101 A>C"),
        ("1:101-300", "1:1101-1290"),
        ("1:195-215", None),
        ("1:150-205", None),
        ("5:1-50", "3:351-400"),
    ],
)
def test_a_place_goes_where_the_chain_leads(
    liftover: Liftover, typed: str, there: str | None
) -> None:
    assert lifted(liftover, typed) == there


def test_terms_travel_with_the_place(liftover: Liftover) -> None:
    question = parse("1:101 A>C", terms="MONDO:1", assembly="GRCh37")
    (one,) = liftover.counterparts(question)
    assert one.question is not None
    assert one.question.filters == question.filters
    assert one.question.assembly == "GRCh38"


@pytest.mark.parametrize("typed", ["MONDO:1", "rs334", "BRCA1"])
def test_what_has_no_place_or_no_assembly_is_not_lifted(liftover: Liftover, typed: str) -> None:
    assert liftover.counterparts(parse(typed, assembly="GRCh37")) == []
    assert liftover.counterparts(parse("1:101 A>C")) == []
    assert liftover.counterparts(parse("1:101 A>C", assembly="GRCh38")) == []


_BLOCKS = st.lists(
    st.tuples(st.integers(1, 8), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=6
)


@given(_BLOCKS, st.booleans(), st.integers(0, 90))
def test_every_base_goes_where_counting_says(
    sizes: list[tuple[int, int, int]], backwards: bool, at0: int
) -> None:
    """The chain's header and lines, walked one base at a time."""
    where: dict[int, int] = {}
    old, new, lines = 10, 20, []
    for number, (size, dt, dq) in enumerate(sizes):
        for step in range(size):
            where[old + step] = 299 - (new + step) if backwards else new + step
        last = number == len(sizes) - 1
        lines.append(f"{size}" if last else f"{size} {dt} {dq}")
        old, new = old + size + (0 if last else dt), new + size + (0 if last else dq)
    strand = "-" if backwards else "+"
    header = f"chain 1 chr1 500 + 10 {old} chr2 300 {strand} 20 {new} 1"
    chains = _read("\n".join([header, *lines, ""]))
    block = chains.at("1", at0)
    found = None
    if block is not None:
        there = at0 - block.start0 + block.other0
        found = block.chain.size - 1 - there if block.chain.reversed else there
    assert found == where.get(at0)


def _read(text: str) -> ChainMap:
    with tempfile.NamedTemporaryFile("w", suffix=".chain") as file:
        file.write(text)
        file.flush()
        return read_chains(Path(file.name))


def test_where_two_chains_claim_a_base_neither_is_believed(tmp_path: Path) -> None:
    two = (
        "chain 9 chr1 900 + 0 100 chr1 900 + 0 100 1\n100\n\n"
        "chain 8 chr1 900 + 40 60 chr2 900 + 0 20 2\n20\n"
    )
    liftover = Liftover([_file(tmp_path, two)])
    found = [lifted(liftover, f"1:{first} A>C") for first in (40, 41, 60, 61, 100)]
    assert found == ["1:40 A>C", None, None, None, None]


def test_a_packed_file_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "x.chain.gz"
    path.write_bytes(gzip.compress(CHAINS.encode()))
    assert read_chains(path).at("1", 150) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "chain 9 chr1 900",
        CHAINS.replace("1290", "x"),
        CHAINS.replace("100 10 0", "100 10"),
        CHAINS.replace("100 10 0", "0 10 0"),
        CHAINS.replace("100 10 0", "100 -10 0"),
        CHAINS.replace("100 300", "100 301"),
        CHAINS.replace("chr1 1000 + 100", "chr1 1000 - 100"),
        "chain 9 alt 900 + 0 9 chr1 900 + 0 9 1\n9\n",
        "x" * 5_000,
        "\xff",
    ],
)
def test_a_broken_file_stops_the_portal_at_its_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="chain_files"):
        Liftover([_file(tmp_path, text)])


def test_a_file_that_is_cut_off_or_missing_is_refused(tmp_path: Path) -> None:
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(CHAINS.encode() * 50)[:-20])
    for wrong in (cut, tmp_path / "absent"):
        with pytest.raises(SettingsError, match="chain_files"):
            read_chains(wrong)


def node(*assemblies: str) -> Node:
    able = Abilities(assemblies=assemblies or None)
    return Node(url="https://a", slug="a", name="A", abilities=able, problem="")


def question() -> Question:
    return parse("1:101 A>C", assembly="GRCh37")


def test_only_a_node_on_the_other_assembly_alone_is_asked_by_liftover(liftover: Liftover) -> None:
    asked = question()
    counterparts = liftover.counterparts(asked)
    for assemblies in ((), ("GRCh37",), ("GRCh37", "GRCh38")):
        assert fitting(asked, node(*assemblies).abilities.assemblies, counterparts) is None
    found = fitting(asked, ("GRCh38",), counterparts)
    assert found is counterparts[0]
    assert fitting(asked, ("GRCh36",), counterparts) is None


def test_before_it_is_sent_a_page_says_that_it_will_be_lifted(liftover: Liftover) -> None:
    counterparts = liftover.counterparts(question())
    there = prospect(question(), node("GRCh38"), (), signed_in=False, counterparts=counterparts)
    assert there.can
    assert there.notes == ("Lifted: it will be asked about GRCh38 1:1101 A>C.",)
    without = prospect(question(), node("GRCh38"), (), signed_in=False)
    assert (without.can, without.words) == (False, "Its data are on GRCh38, not GRCh37.")


@asynccontextmanager
async def two_assemblies(
    folder: Path,
) -> AsyncGenerator[tuple[AssemblyNode, AssemblyNode, httpx.AsyncClient]]:
    """A node of each assembly, and a browser of the portal that asks both."""
    old, new = AssemblyNode("GRCh37"), AssemblyNode("GRCh38")
    async with served(old.app()) as one, served(new.app()) as two:
        settings = PortalSettings(
            public_url="http://127.0.0.1:8080", nodes=(one, two), client_secret=None,
            deadline_seconds=60, chain_files=(_file(folder, CHAINS),),
        )  # fmt: skip
        async with browser(settings) as page:
            yield old, new, page


@pytest.mark.live
@pytest.mark.anyio
async def test_each_node_is_asked_in_its_own_assembly_and_the_row_says_lifted(
    tmp_path: Path,
) -> None:
    async with two_assemblies(tmp_path) as (old, new, page):
        asked = {"q": "1:101 A>C", "assembly": "GRCh37"}
        answers = (await page.post("/search", data=asked)).text
        nowhere = (await page.post("/search", data=asked | {"q": "1:205 A>C"})).text
        preview = (await page.post("/search/preview", data=asked)).text
    assert [one["start"] for one in old.asked] == [[100], [204]]
    assert [one["start"] for one in new.asked] == [[1100]]
    assert new.asked[0]["assemblyId"] == "GRCh38"
    assert answers.count("Asked about GRCh38 1:1101 A&gt;C.") == 1
    assert answers.count("A no may also mean that its reference differs there.") == 1
    assert "<code>1:1101 A&gt;C</code>" in answers
    assert "no single counterpart on GRCh38" in nowhere
    assert "Its data are on GRCh38, not GRCh37." in nowhere
    assert "Lifted: it will be asked about GRCh38 1:1101 A&gt;C." in preview


@pytest.mark.live
@pytest.mark.anyio
async def test_where_no_chain_file_leads_on_the_page_says_that_one_assembly_is_shown(
    tmp_path: Path,
) -> None:
    asked = {"q": "1:101 A>C", "assembly": "GRCh37"}
    forms = {
        "from GRCh37": asked,
        "from GRCh38": asked | {"assembly": "GRCh38"},
        "from none": asked | {"assembly": ""},
        "of no place": {"q": "rs334", "assembly": "GRCh37"},
    }
    told = {}
    async with served(AssemblyNode("GRCh37").app()) as one:
        for files in ((), (_file(tmp_path, CHAINS),)):
            settings = PortalSettings(
                public_url="http://127.0.0.1:8080", nodes=(one,), client_secret=None,
                deadline_seconds=60, chain_files=files,
            )  # fmt: skip
            async with browser(settings) as page:
                for path in ("/search", "/search/preview"):
                    texts = {
                        n: (await page.post(path, data=form)).text for n, form in forms.items()
                    }
                    told[len(files), path] = [n for n, text in texts.items() if "Shown on" in text]
                german = await page.post("/search", data=asked, headers={"accept-language": "de"})
                assert ("Nur auf GRCh37 gezeigt" in german.text) is (not files)
    assert told == {
        (0, "/search"): ["from GRCh37", "from GRCh38"],
        (0, "/search/preview"): ["from GRCh37", "from GRCh38"],
        (1, "/search"): ["from GRCh38"],
        (1, "/search/preview"): ["from GRCh38"],
    }


ALLELE = {
    "referenceName": "1", "assemblyId": "GRCh37", "start": [100], "referenceBases": "A",
    "alternateBases": "C",
}  # fmt: skip
REGION = {
    "referenceName": "chr1", "assemblyId": "GRCh37", "start": 100, "end": [300],
    "variantType": "SNP",
}  # fmt: skip


def _asked_there(liftover: Liftover, parameters: Mapping[str, object]) -> object:
    """What a node on GRCh38 is asked, or why it is not; None where it is asked as it came."""
    filters = [{"id": "NCIT:C16576"}]
    nested = {"g_variant": parameters}
    body = {"meta": {}, "query": {"requestParameters": nested, "filters": filters}}
    (target,) = targets([node("GRCh38")], Kind.INDIVIDUALS, body, liftover)
    if target.instead is None:
        return target.unsupported or None
    query = target.instead.body["query"]
    assert isinstance(query, dict)
    assert query["filters"] == filters
    return query["requestParameters"]["g_variant"]


def test_what_came_to_the_networks_own_beacon_is_lifted_with_all_that_belongs_to_it(
    liftover: Liftover,
) -> None:
    assert _asked_there(liftover, ALLELE) == ALLELE | {"assemblyId": "GRCh38", "start": [1100]}
    there = {"referenceName": "1", "assemblyId": "GRCh38", "start": [1100], "end": [1290]}
    assert _asked_there(liftover, REGION) == REGION | there
    gap = "This place has no single counterpart on GRCh38."
    assert _asked_there(liftover, ALLELE | {"start": [204]}) == gap


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"geneId": "BRCA1", "assemblyId": "GRCh37"},
        {key: value for key, value in ALLELE.items() if key != "assemblyId"},
        ALLELE | {"assemblyId": ["GRCh37"]},
        ALLELE | {"start": [100, 120], "end": [130, 140]},
        ALLELE | {"start": [True]},
        ALLELE | {"start": [-1]},
        ALLELE | {"start": [1 << 40]},
        ALLELE | {"start": ["100"]},
        ALLELE | {"referenceName": "NC_000001.11"},
        ALLELE | {"referenceName": {"a": 1}},
        ALLELE | {"alternateBases": "<DEL>"},
        ALLELE | {"alternateBases": ""},
        ALLELE | {"referenceBases": "A" * 301},
        ALLELE | {"aminoacidChange": "V600E"},
        REGION | {"end": [100]},
        REGION | {"mateName": "2"},
    ],
)
def test_what_has_no_certain_place_is_asked_as_it_came(
    liftover: Liftover, parameters: dict[str, object]
) -> None:
    assert _asked_there(liftover, parameters) is None


@pytest.mark.live
@pytest.mark.anyio
async def test_the_networks_own_beacon_asks_the_other_assembly_and_says_so(
    tmp_path: Path,
) -> None:
    body = {"meta": {}, "query": {
        "requestParameters": {"g_variant": ALLELE}, "includeResultsetResponses": "ALL",
    }}  # fmt: skip
    async with two_assemblies(tmp_path) as (old, new, page):
        answer = (await page.post("/beacon/g_variants", json=body)).json()
    assert [one["start"] for one in old.asked] == [[100]]
    assert [one["start"] for one in new.asked] == [[1100]]
    assert answer["responseSummary"] == {"exists": False}
    assert answer["info"]["nodes"]["answered"] == 2
    lifted = {
        one["beaconId"]: one["info"].get("lifted") for one in answer["response"]["resultSets"]
    }
    assert lifted == {"GRCh37": None, "GRCh38": "GRCh38 1:1101 A>C"}

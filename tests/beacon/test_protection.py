"""The same protection on every path of a Beacon: whatever the address, form or spelling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from access.disclosure import AT_LEAST, Disclosure
from access.policies.policy import Profile
from access.privacy.ledger import Entry, Ledger
from beacon import panel
from beacon.catalog import VariantQuestion
from beacon.loading import panel_load
from beacon.segment.over import OverSegment
from beacon.segments import SegmentCatalog
from beacon.zygosity import ANY, Zygosities
from tests.support.beacon_node import FEMALE, MALE, BeaconNode, loaded, policy
from tests.support.cohort import cohort
from tests.support.disclosure import KEY, ledger

pytestmark = pytest.mark.anyio

# Of 120 people the first carries the rarest alone, 60 the common one.
COMMON = {"referenceName": "1", "start": "100", "referenceBases": "A", "alternateBases": "G"}
MIDDLE = {"referenceName": "1", "start": "200", "referenceBases": "C", "alternateBases": "T"}
ABSENT = {"referenceName": "1", "start": "300", "referenceBases": "G", "alternateBases": "A"}
RARE = {"referenceName": "1", "start": "400", "referenceBases": "T", "alternateBases": "C"}
NOWHERE = {"referenceName": "1", "start": "500", "referenceBases": "T", "alternateBases": "C"}
FREQUENCIES = {101: 0.3, 201: 0.01, 301: 0.3, 401: 0.00001}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> BeaconNode:
    return _made(tmp_path_factory.mktemp("protection"), people=120)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> BeaconNode:
    """So many people that no draw of noise makes a group of them a small one."""
    return _made(tmp_path_factory.mktemp("crowd"), people=800)


def _made(folder: Path, *, people: int) -> BeaconNode:
    table = folder / "panel.tsv"
    alleles = {101: "A G", 201: "C T", 301: "G A", 401: "T C"}
    rows = [f"1 {pos} {bases} {FREQUENCIES[pos]}" for pos, bases in alleles.items()]
    # Others, so that the panel has a spectrum.
    rows += [f"1 {1000 + n} A G {1 / (n + 2)}" for n in range(200)]
    text = "\n".join(["chrom pos ref alt af", *rows]).replace(" ", "\t")
    table.write_text(text + "\n")
    panel_load.load(table, folder / "panel", assembly="GRCh38")
    carriers = {101: range(60), 201: range(2), 401: range(1)}
    lines = {101: "A G", 201: "C T", 401: "T C"}
    source = cohort(folder / "in", "D", people=people, lines=lines, carriers=carriers)
    catalog = loaded(folder / "catalog", source)
    return BeaconNode(
        folder,
        catalog=catalog,
        policies=[policy("D", profile=Profile.DEFAULT)],
        grants={"grace": ["D"]},
        panels=panel.read(folder / "panel"),
    )


async def ask(
    node: BeaconNode, path: str = "/g_variants", *, name: str | None = None, **params: Any
) -> tuple[int, Any]:
    """Status, and what the answer or refusal says, without what only echoes the question."""
    found = await node.get(path, name=name, **{"requestedGranularity": "count", **params})
    body = found.json()
    if found.status_code == 200:
        return 200, body["responseSummary"]
    return found.status_code, body["error"]["errorMessage"]


async def test_everybody_is_told_of_common_alleles_truly(node: BeaconNode) -> None:
    assert await ask(node, **COMMON) == (200, {"exists": True})
    assert await ask(node, **ABSENT) == (200, {"exists": False})


@pytest.mark.parametrize(
    "path", ["/g_variants", "/individuals", "/biosamples", "/datasets/D/g_variants"]
)
async def test_a_rare_allele_is_refused_alike_whether_somebody_carries_it_or_not(
    node: BeaconNode, path: str
) -> None:
    if path == "/biosamples":
        held = await ask(node, "/g_variants/1-401-T-C/biosamples")
        other = await ask(node, "/g_variants/1-501-T-C/biosamples")
    else:
        held, other = await ask(node, path, **RARE), await ask(node, path, **NOWHERE)
    assert held == other
    assert held[0] == 403


@pytest.mark.parametrize("granularity", ["boolean", "count", "record"])
@pytest.mark.parametrize("include", ["HIT", "MISS", "ALL", "NONE"])
async def test_no_form_of_asking_gives_more(
    node: BeaconNode, granularity: str, include: str
) -> None:
    wanted = {"requestedGranularity": granularity, "includeResultsetResponses": include}
    found = await node.get("/individuals", **COMMON, **wanted, skip="0", limit="1")
    body = found.json()
    assert body["responseSummary"] == {"exists": True}
    assert body["meta"]["returnedGranularity"] == "boolean"
    for one in body.get("response", {}).get("resultSets", []):
        assert one.keys() <= {"id", "setType", "exists", "resultsHandovers"}
    assert "nextPage" not in found.text


@pytest.mark.parametrize("name", [None, "rosa"])
@pytest.mark.parametrize(
    ("there", "not_there"),
    [
        ("/individuals/P0", "/individuals/nobody"),
        ("/biosamples/P0", "/biosamples/nobody"),
        ("/individuals/P0/g_variants", "/individuals/nobody/g_variants"),
        ("/individuals/P0/biosamples", "/individuals/nobody/biosamples"),
        ("/g_variants/1-401-T-C", "/g_variants/1-501-T-C"),
        ("/g_variants/1-401-T-C/individuals", "/g_variants/1-501-T-C/individuals"),
    ],
)
async def test_an_address_tells_nobody_who_or_what_is_there(
    node: BeaconNode, name: str | None, there: str, not_there: str
) -> None:
    held = await ask(node, there, name=name)
    assert held == await ask(node, not_there, name=name)
    assert held[0] == 403


async def test_an_address_of_a_common_variant_answers_as_the_question_does(
    node: BeaconNode,
) -> None:
    assert await ask(node, "/g_variants/1-101-A-G") == (200, {"exists": True})
    assert (await ask(node, "/g_variants/1-301-G-A"))[0] == 404


async def test_a_variant_with_a_filter_is_not_for_everybody(node: BeaconNode) -> None:
    for sex in (FEMALE, MALE):
        for path in ("/individuals", "/g_variants"):
            assert (await ask(node, path, **COMMON, filters=sex["id"]))[0] == 403


@pytest.mark.parametrize("path", ["/individuals", "/g_variants"])
async def test_a_registered_caller_asks_for_a_variant_among_many_people(
    crowd: BeaconNode, path: str
) -> None:
    """Of 400 women 30 carry the common allele, nobody the absent one."""
    node = crowd
    asked = {"name": "together", "filters": FEMALE["id"], "requestedGranularity": "boolean"}
    assert (await ask(node, path, **COMMON, **asked))[1]["exists"] is True
    assert (await ask(node, path, **ABSENT, **asked))[1]["exists"] is False
    for carried in (RARE, NOWHERE):
        assert (await ask(node, path, **carried, **asked))[0] == 403
    # One person has the first, whose ontology no list shows; nobody has the second of one it shows.
    for few, status in (("ORPHA:1", 400), ("NCIT:C1", 403)):
        group = {**asked, "filters": few}
        told = await ask(node, path, **COMMON, **group)
        assert told == await ask(node, path, **ABSENT, **group)
        assert told[0] == status


async def test_only_those_the_filter_holds_of_pay_for_its_variant(crowd: BeaconNode) -> None:
    """A man and a woman carry it."""
    node = crowd
    asked = {"filters": FEMALE["id"], "requestedGranularity": "boolean"}
    assert (await ask(node, "/individuals", name="payer", **MIDDLE, **asked))[1]["exists"] is True
    (once,) = spent(node, "payer")
    assert (await ask(node, "/individuals", name="payer", **MIDDLE))[1]["exists"] is True
    assert len(spent(node, "payer")) == 2
    assert max(spent(node, "payer")) > 2 * min(spent(node, "payer")) > 0
    assert once > min(spent(node, "payer"))


@pytest.mark.parametrize("path", ["/individuals", "/g_variants"])
async def test_a_variant_among_people_is_one_line_and_one_draw_in_every_spelling(
    crowd: BeaconNode, path: str
) -> None:
    """Random pairs of a spelling of the allele and one of the filters, as many as there are."""
    node = crowd
    variants = [
        {"referenceName": "chr1", "start": "100", "referenceBases": "A", "alternateBases": "G"},
        {"genomicAlleleShortForm": "NC_000001.11:g.101A>G"},
        {"genomicAlleleShortForm": "1-101-A-G"},
        {"referenceName": "1", "start": "99", "referenceBases": "GA", "alternateBases": "GG"},
    ]
    sick, well = "ICD10:G35", FEMALE["id"]
    filters = [f"-{sick},{well}", f"{well},-{sick}", f"{well},{well},-{sick}"]
    before = lines(node)
    told = {
        str(await ask(node, path, name=f"line-{path}", filters=spelled, **variant))
        for variant in variants
        for spelled in filters
    }
    assert len(told) == 1
    assert "200" in told.pop()
    answers, counts = (after - was for after, was in zip(lines(node), before, strict=True))
    assert answers <= 1  # none where the price is too little to note
    assert counts == (2 if path == "/individuals" else 1)  # of the people, and of who carries it


async def test_variants_of_a_group_without_a_variant_named_are_refused(node: BeaconNode) -> None:
    for path in ("/g_variants", "/g_variants/1-101-A-G/biosamples"):
        assert (await ask(node, path, name="rosa", filters=FEMALE["id"]))[0] == 403


@pytest.mark.parametrize(
    "spelled",
    [
        {"referenceName": "chr1", "start": "200", "referenceBases": "C", "alternateBases": "T"},
        {
            "referenceName": "NC_000001.11",
            "start": "200",
            "referenceBases": "c",
            "alternateBases": "t",
        },
        {"genomicAlleleShortForm": "NC_000001.11:g.201C>T"},
        {"genomicAlleleShortForm": "1-201-C-T"},
        {"referenceName": "1", "start": "199", "referenceBases": "AC", "alternateBases": "AT"},
    ],
)
async def test_every_spelling_is_one_question_and_paid_once(
    node: BeaconNode, spelled: dict[str, str]
) -> None:
    name = f"spelling-{hash(str(spelled))}"
    assert (await ask(node, name=name, **MIDDLE))[1]["exists"] is True
    before = spent(node, name)
    assert before
    assert (await ask(node, name=name, **spelled))[1]["exists"] is True
    assert (await ask(node, "/individuals", name=name, **spelled))[1]["exists"] is True
    assert (await ask(node, "/g_variants/1-201-C-T", name=name))[1]["exists"] is True
    assert spent(node, name) == before


async def test_rows_of_a_signed_in_caller_say_who_was_left_out(node: BeaconNode) -> None:
    found = (await node.get("/g_variants", name="rosa", **MIDDLE)).json()
    (note,) = found["info"]["approximate"]
    assert note["id"] == "D"


async def test_everybody_is_told_roughly_how_many_have_a_term(node: BeaconNode) -> None:
    status, summary = await ask(node, "/individuals", filters=FEMALE["id"])
    assert status == 200
    assert summary["countPrecision"] == "imprecise"
    assert summary["numTotalResults"] % 10 == 0
    assert (await ask(node, "/individuals", filters=FEMALE["id"])) == (status, summary)


@pytest.mark.parametrize(
    "filters", ["NCIT:C16576,NCIT:C20197", "-NCIT:C16576", "sex:=female", "sex:!female"]
)
async def test_free_combinations_are_not_for_everybody(node: BeaconNode, filters: str) -> None:
    assert (await ask(node, "/individuals", filters=filters))[0] == 403
    assert (await ask(node, "/individuals", name="rosa", filters=filters))[0] == 200


async def test_filters_in_any_order_and_repeated_are_one_draw(node: BeaconNode) -> None:
    terms = [FEMALE["id"], "ICD10:G35"]
    told = {
        str(await ask(node, "/individuals", name="rosa", filters=",".join(order)))
        for order in (terms, terms[::-1], [*terms, terms[0]])
    }
    assert len(told) == 1


async def test_a_grant_is_answered_exactly(node: BeaconNode) -> None:
    status, summary = await ask(node, "/individuals", name="grace", **RARE)
    assert (status, summary["numTotalResults"], summary["countPrecision"]) == (200, 1, "exact")


@pytest.mark.parametrize("path", ["/filtering_terms", "/individuals/filtering_terms"])
async def test_a_term_is_listed_where_everybody_is_told_of_it(crowd: BeaconNode, path: str) -> None:
    listed = (await crowd.get(path)).json()["response"]["filteringTerms"]
    ids = {term["id"] for term in listed}
    assert FEMALE["id"] in ids
    assert not any(term.get("values") for term in listed)
    for term in (FEMALE["id"], MALE["id"], "ICD10:G35", "ORPHA:1"):  # one person has the last
        status, told = await ask(crowd, "/individuals", filters=term)
        assert status == (200 if term in ids else 400)
        assert status == 400 or told["exists"] is True
    exact = (await crowd.get(path, name="grace")).json()["response"]["filteringTerms"]
    assert "ORPHA:1" in {term["id"] for term in exact}


@pytest.mark.parametrize("name", [None, "rosa"])
async def test_whether_anybody_has_a_term_does_not_decide_whether_it_may_be_asked(
    crowd: BeaconNode, name: str | None
) -> None:
    """Nobody has ICD10:G36, whose ontology the list shows; ORPHA's is of nothing listed."""
    listed = (await crowd.get("/filtering_terms", name=name)).json()["response"]["filteringTerms"]
    orpha = any(term["id"].startswith("ORPHA:") for term in listed)
    for one, other, known in (
        *(("ICD10:G35", "ICD10:G36", True), ("ORPHA:1", "ORPHA:2", orpha)),
        *(("diseases.shoe:=1", "shoe:=1", False), ("ORPHA:1,NCIT:C16576", "X:1", orpha)),
    ):
        if name is None and "," in one:
            continue
        answers = [await ask(crowd, "/individuals", name=name, filters=f) for f in (one, other)]
        expected = 200 if known else 400
        assert answers[0][0] == expected
        assert answers[1][0] == (400 if other == "X:1" else expected)
        assert known or "Filters not supported" in str(answers[1][1])
    exact = await ask(crowd, "/individuals", name="grace", filters="ICD10:G36")
    assert exact[0] == 400


def lines(node: BeaconNode) -> tuple[int, int]:
    """Of answers and of counts in the ledger."""
    with node.ledger._database.looking() as connection:
        answers = connection.exec_driver_sql("SELECT count(*) FROM privacy_answer").scalar_one()
        counts = connection.exec_driver_sql("SELECT count(*) FROM privacy_count").scalar_one()
    return answers, counts


def spent(node: BeaconNode, name: str) -> list[int]:
    from tests.support.beacon_node import researcher

    balances = node.ledger.balances("D")
    found = balances.get(node.record.pseudonym(researcher(name).identity))
    return [] if found is None else found.amounts.tolist()


class TurnTaking(Ledger):
    """Says whether a turn at the ledger is being taken."""

    taking = False
    turns = 0

    def presence(self, entry: Entry, **asked: Any) -> bool:
        self.taking, self.turns = True, self.turns + 1
        try:
            return super().presence(entry, **asked)
        finally:
            self.taking = False


async def test_no_engine_is_waited_for_while_others_wait_for_the_ledger(
    node: BeaconNode, tmp_path: Path
) -> None:
    turns = TurnTaking(ledger(tmp_path)._database)
    asked: list[bool] = []

    class Far(OverSegment):
        @property
        def waits(self) -> bool:
            return True

        def carriers(self, question: VariantQuestion, *, zygosity: Zygosities = ANY) -> BitMap:
            asked.append(turns.taking)
            return super().carriers(question, zygosity=zygosity)

    folder = node.record_path.parent
    catalog = SegmentCatalog(folder / "catalog", form=Far)
    panels = panel.read(folder / "panel")
    policies = [policy("D", profile=Profile.DEFAULT)]
    far = BeaconNode(tmp_path, catalog=catalog, policies=policies, panels=panels)
    far.doors._disclosure = Disclosure(turns, key=KEY)
    assert await ask(far, name="rosa", **MIDDLE) == await ask(node, name="rosa", **MIDDLE)
    assert turns.turns
    assert asked
    assert not any(asked)


async def test_as_many_people_are_read_for_nobody_as_for_a_few_carriers(
    node: BeaconNode, tmp_path: Path
) -> None:
    """Else the time of a «no» would tell that there is a carrier, whose allowance is spent."""
    read: list[int] = []

    class Counting(OverSegment):
        def person_ids(self, numbers: BitMap) -> Sequence[str]:
            read.append(len(numbers))
            return super().person_ids(numbers)

    folder = node.record_path.parent
    catalog = SegmentCatalog(folder / "catalog", form=Counting)
    panels = panel.read(folder / "panel")
    policies = [policy("D", profile=Profile.DEFAULT)]
    counted = BeaconNode(tmp_path, catalog=catalog, policies=policies, panels=panels)
    # By the panel as common as the one that two people carry, and carried by nobody.
    nobody = {"referenceName": "1", "start": "1097", "referenceBases": "A", "alternateBases": "G"}
    answers = []
    for asked in (MIDDLE, nobody):
        read.clear()
        answers.append(await ask(counted, name="watcher", **asked))
        assert (sum(read), len(read)) == (AT_LEAST, 2)
    assert [answer["exists"] for _, answer in answers] == [True, False]

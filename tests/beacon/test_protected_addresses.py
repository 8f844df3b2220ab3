"""What an address hangs below a variant is protected as the question for the variant is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from access.policies.policy import Profile
from beacon import panel
from beacon.info import ENDPOINT_SETS
from beacon.loading import panel_load
from schemas.entries import ENTRY_TYPES
from tests.support.beacon_node import BeaconNode, loaded, policy
from tests.support.cohort import cohort
from tests.support.sources import write_records

pytestmark = pytest.mark.anyio

# Of 120 people 60 carry the common one, one the rare one; the last was looked for and not found.
LINES = {101: "A G", 201: "C T", 301: "G A"}
COMMON, RARE, UNSEEN, NOWHERE = "1-101-A-G", "1-201-C-T", "1-301-G-A", "1-401-T-C"
BELOW = next(one.nested for one in ENDPOINT_SETS if one.entry == "genomicVariant")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> BeaconNode:
    folder = tmp_path_factory.mktemp("addresses")
    table = folder / "panel.tsv"
    rows = ["1 101 A G 0.3", "1 201 C T 0.00001", "1 301 G A 0.3"]
    rows += [f"1 {1000 + n} A G {1 / (n + 2)}" for n in range(200)]
    table.write_text("\n".join(["chrom pos ref alt af", *rows]).replace(" ", "\t") + "\n")
    panel_load.load(table, folder / "panel", assembly="GRCh38")
    carriers = {101: range(60), 201: range(1)}
    made = cohort(folder / "in", "D", people=120, lines=LINES, carriers=carriers)
    cohorts = write_records(
        folder / "cohorts.json", [{"id": "all", "name": "All", "cohortType": "study-defined"}]
    )
    return BeaconNode(
        folder,
        catalog=loaded(folder / "catalog", replace(made, cohorts=cohorts)),
        policies=[policy("D", profile=Profile.DEFAULT)],
        grants={"grace": ["D"]},
        panels=panel.read(folder / "panel"),
    )


@pytest.mark.parametrize("name", [None, "rosa"])
@pytest.mark.parametrize("below", BELOW)
async def test_below_a_rare_variant_every_list_is_refused_alike_whether_somebody_carries_it(
    node: BeaconNode, below: str, name: str | None
) -> None:
    held, other = [
        await node.get(f"/g_variants/{variant}/{ENTRY_TYPES[below].path}", name=name)
        for variant in (RARE, NOWHERE)
    ]
    assert held.status_code == other.status_code == 403
    assert held.json()["error"] == other.json()["error"]


@pytest.mark.parametrize("name", [None, "rosa"])
async def test_whose_cohorts_they_are_is_not_told_of_a_common_variant_either(
    node: BeaconNode, name: str | None
) -> None:
    """A carrier outside of every cohort would be found by the answer."""
    for variant in (COMMON, UNSEEN):
        assert (await node.get(f"/g_variants/{variant}/cohorts", name=name)).status_code == 403
    granted = await node.get(f"/g_variants/{RARE}/cohorts", name="grace")
    assert granted.json()["responseSummary"]["exists"] is True


@pytest.mark.parametrize("name", [None, "rosa"])
async def test_an_id_in_an_address_is_answered_as_the_allele_is(
    node: BeaconNode, name: str | None
) -> None:
    """A site of the file that nobody carries is «no» in one spelling and in the other."""
    asked = {"referenceName": "1", "start": "300", "referenceBases": "G", "alternateBases": "A"}
    listed = await node.get("/g_variants", name=name, **asked)
    assert listed.json()["responseSummary"]["exists"] is False
    for path in ("", "/individuals", "/biosamples", "/datasets"):
        assert (await node.get(f"/g_variants/{UNSEEN}{path}", name=name)).status_code == 404
    for path in ("", "/individuals", "/datasets"):
        found = await node.get(f"/g_variants/{COMMON}{path}", name=name)
        assert found.json()["responseSummary"]["exists"] is True
    assert (await node.get(f"/g_variants/{UNSEEN}", name="grace")).status_code == 200


@pytest.mark.parametrize(("name", "precision"), [("rosa", "imprecise"), ("grace", "exact")])
async def test_how_many_datasets_hold_somebody_is_as_precise_as_that_they_do(
    node: BeaconNode, name: str, precision: str
) -> None:
    asked = {"filters": "NCIT:C16576", "requestedGranularity": "count"}
    found = await node.get("/datasets", name=name, **asked)
    assert found.json()["responseSummary"]["countPrecision"] == precision


@pytest.mark.parametrize(
    ("path", "status", "outcome"),
    [
        ("/individuals/P1/filtering_terms", 200, "answered"),
        ("/individuals/nobody/filtering_terms", 404, "not_found"),
    ],
)
async def test_terms_of_one_entry_say_that_it_is_there_and_are_recorded(
    node: BeaconNode, path: str, status: int, outcome: str
) -> None:
    before = len(node.entries())
    assert (await node.get(path, name="grace")).status_code == status
    (entry,) = node.entries()[before:]
    assert entry["facts"]["outcome"] == outcome
    assert entry["facts"]["caller"]

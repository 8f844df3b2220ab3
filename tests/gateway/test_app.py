"""A node assembled whole from its folder, asked in process: its doors, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from beacon.errors import SourceRefused
from beacon.loading.load import DatasetSource
from gateway.app import create_app
from gateway.demo import population
from gateway.errors import ConfigError
from gateway.holding import loading
from gateway.home import NodeHome
from schemas.errors import SkerryError
from tests.support.node_folder import URL, node_folder, open_counts
from tests.support.whole_node import serving

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> DatasetSource:
    folder = tmp_path_factory.mktemp("given")
    population.write(population.simulate(people=6, seed=2), folder, people=range(6))
    return DatasetSource(
        id="isle",
        name="Isle",
        description="",
        assembly="GRCh38",
        vcfs=(folder / "variants.vcf.gz",),
        individuals=folder / "individuals.json",
    )


@pytest.fixture
def node(tmp_path: Path) -> NodeHome:
    return node_folder(tmp_path / "node", policies=[open_counts("isle")])


async def get(node: NodeHome, path: str, **headers: str) -> httpx.Response:
    async with serving(node) as http:
        return await http.get(path, headers=headers)


async def test_a_dataset_without_a_policy_is_not_answered_from(
    tmp_path: Path, source: DatasetSource
) -> None:
    node = node_folder(tmp_path / "node")
    loading.load_dataset(node, source)
    assert (await get(node, "/beacon/datasets")).json()["response"]["collections"] == []
    asked = "/beacon/individuals?requestedGranularity=count"
    answer = await get(node, asked)
    assert "6" not in str(answer.json().get("responseSummary"))


async def test_a_load_that_fails_leaves_the_old_answer_standing(
    node: NodeHome, source: DatasetSource, tmp_path: Path
) -> None:
    loading.load_dataset(node, source)
    cut = tmp_path / "cut.vcf.gz"
    whole = source.vcfs[0].read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceRefused):
        loading.load_dataset(node, replace(source, vcfs=(cut,)))
    answer = await get(node, "/beacon/individuals?requestedGranularity=count")
    assert answer.json()["responseSummary"]["numTotalResults"] == 6


@pytest.mark.parametrize(
    ("path", "key"), [("/beacon/no", "error"), ("/htsget/no", "htsget"), ("/no", "message")]
)
async def test_each_room_refuses_in_its_own_body(node: NodeHome, path: str, key: str) -> None:
    answer = await get(node, path)
    assert answer.status_code in {404, 405}
    assert key in answer.json()


@pytest.mark.parametrize("path", ["/beacon/individuals", "/htsget/reads/isle/a.bam"])
async def test_a_bad_credential_is_401_and_says_how_to_send_one(node: NodeHome, path: str) -> None:
    answer = await get(node, path, Authorization="Bearer n0t-a-token")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert "n0t-a-token" not in answer.text


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/keys/node.ed25519", "/record.jsonl"])
async def test_nothing_of_the_folder_or_the_framework_is_served(node: NodeHome, path: str) -> None:
    assert (await get(node, path)).status_code == 404


def lose_key(node: NodeHome) -> None:
    node.node_key.unlink()


def break_policies(node: NodeHome) -> None:
    node.policies.write_text("datasets: [")


def break_trust(node: NodeHome) -> None:
    node.trust.write_text("surprise: 1")


@pytest.mark.parametrize("harm", [lose_key, break_policies, break_trust])
async def test_a_folder_that_cannot_be_used_is_refused_before_anything_is_served(
    node: NodeHome, harm: Callable[[NodeHome], None]
) -> None:
    harm(node)
    with pytest.raises(SkerryError, match=r"node\.ed25519|policies\.yaml|trust\.yaml"):
        create_app(node)


async def test_a_folder_without_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"node\.toml: no such file"):
        create_app(NodeHome(tmp_path))


# What operators ask


async def test_a_node_without_its_key_agent_is_ready_and_says_so(
    node: NodeHome, source: DatasetSource
) -> None:
    loading.load_dataset(node, source)
    answer = (await get(node, "/readyz")).json()
    assert (answer["status"], answer["datasets"], answer["key_agent"]) == ("ok", 1, "down")


async def test_every_service_of_the_registry_has_a_type_that_is_listed(node: NodeHome) -> None:
    services = (await get(node, "/services")).json()
    types = (await get(node, "/services/types")).json()
    assert [service["type"] for service in services] == types
    assert len({service["id"] for service in services}) == len(services)
    assert all(service["url"].startswith(URL) for service in services)


async def test_metrics_name_no_path_below_a_door(node: NodeHome) -> None:
    async with serving(node) as http:
        await http.get("/htsget/reads/isle/person-0001.bam")
        metrics = (await http.get("/metrics")).text
    assert 'door="/htsget"' in metrics or 'door="/other"' in metrics
    assert "person-0001" not in metrics

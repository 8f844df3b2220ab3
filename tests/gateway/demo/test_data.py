"""Real input for the demo: what is taken, how people are divided, and what is refused."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pysam
import pytest

from access.policies.policy import Profile
from beacon.errors import SourceRefused
from gateway.demo import data, population
from gateway.demo.population import Population
from gateway.errors import Exit, LoadRefused
from gateway.holding import loading
from schemas.errors import SkerryError
from tests.support.node_folder import node_folder

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def made() -> Population:
    return population.simulate(people=10, seed=3)


@pytest.fixture
def folder(made: Population, tmp_path: Path) -> Path:
    given = tmp_path / "Our data"
    population.write(made, given, people=range(10))
    return given


def plans(
    folder: Path, *, nodes: int = 2, said: list[str] | None = None
) -> list[list[data.DemoDataset]]:
    scratch = folder.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    say = ([] if said is None else said).append
    return data.from_folder(folder, scratch, nodes=nodes, say=say)


def refusal(folder: Path) -> str:
    with pytest.raises(SkerryError) as caught:
        plans(folder)
    assert isinstance(caught.value, LoadRefused | SourceRefused)
    return "\n".join([caught.value.public, *map(str, getattr(caught.value, "problems", ()))])


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_people_are_divided_and_nobody_is_counted_twice(folder: Path, made: Population) -> None:
    shares = [plan[0].source.keep_people or frozenset() for plan in plans(folder, nodes=3)]
    assert frozenset.union(*shares) == set(made.ids)
    assert sum(map(len, shares)) == len(made.ids)


def test_what_a_node_seals_holds_only_its_own_people(folder: Path) -> None:
    for plan in plans(folder):
        sealed = plan[0].objects[0]
        with pysam.VariantFile(str(sealed.path)) as file:
            assert set(file.header.samples) == set(sealed.owners)
        assert frozenset(sealed.owners) == plan[0].source.keep_people


def test_a_folders_name_becomes_an_id_that_addresses_can_hold(folder: Path) -> None:
    assert [plan[0].source.id for plan in plans(folder)] == [
        "Our-data-grch38-1",
        "Our-data-grch38-2",
    ]


def test_what_was_taken_and_left_is_said(folder: Path) -> None:
    other = population.simulate(people=4, seed=9)
    population.write(other, folder / "smaller", people=range(2))
    said: list[str] = []
    plans(folder, said=said)
    assert f"took {folder / 'individuals.json'} (10 people)" in said
    assert f"took {folder / 'biosamples.json'}" in said
    assert f"left {folder / 'smaller' / 'individuals.json'}" in said
    assert f"left {folder / 'smaller' / 'variants.vcf.gz'}" in said


def test_a_share_loads_as_a_dataset_of_those_people(folder: Path, tmp_path: Path) -> None:
    facts = [
        loading.load_dataset(node_folder(tmp_path / plan[0].source.id), plan[0].source)
        for plan in plans(folder)
    ]
    assert [found.people for found in facts] == [5, 5]


def test_stated_files_are_read_as_stated(folder: Path) -> None:
    (folder / "individuals.json").rename(folder / "people.json")
    (folder / "skerry-data.toml").write_text(
        'name = "stated"\nindividuals = "people.json"\nvariants = ["variants.vcf.gz"]\n'
    )
    source = plans(folder, nodes=1)[0][0].source
    assert (source.id, source.individuals) == ("stated-grch38-1", folder / "people.json")
    assert source.biosamples is None


@pytest.mark.parametrize(
    "stated",
    ["name = ", 'name = "x"', 'name = "x"\nindividuals = 3\nvariants = []', "name = '\x07'"],
)
def test_a_statement_that_lacks_something_says_what_is_needed(folder: Path, stated: str) -> None:
    (folder / "skerry-data.toml").write_text(stated)
    assert "skerry-data.toml: needs `name`, `individuals`" in refusal(folder)


def test_a_stated_file_that_is_not_there_is_named(folder: Path) -> None:
    (folder / "skerry-data.toml").write_text(
        'name = "x"\nindividuals = "individuals.json"\nvariants = ["absent.vcf.gz"]\n'
    )
    assert "absent.vcf.gz" in refusal(folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "no such folder" in refusal(tmp_path / "absent")


def test_a_folder_without_people_is_refused(folder: Path) -> None:
    (folder / "individuals.json").unlink()
    assert "no people: expected a file individuals.json" in refusal(folder)


@pytest.mark.parametrize("text", ["[]", "{}", "[{}]", "[3]", "[", "null"])
def test_a_file_of_people_that_is_not_one_is_named(folder: Path, text: str) -> None:
    (folder / "individuals.json").write_text(text)
    assert f"{folder / 'individuals.json'}" in refusal(folder)


def test_a_cut_off_file_of_people_is_named(folder: Path) -> None:
    packed = gzip.compress((folder / "individuals.json").read_bytes())
    (folder / "individuals.json").unlink()
    (folder / "individuals.json.gz").write_bytes(packed[:-9])
    assert "individuals.json.gz: expected" in refusal(folder)


def test_a_cut_off_variant_file_is_named(folder: Path) -> None:
    truncate(folder / "variants.vcf.gz")
    assert "variants.vcf.gz" in refusal(folder)


def test_variants_of_other_people_are_refused(folder: Path, made: Population) -> None:
    records = [{**person, "id": f"other-{person['id']}"} for person in made.people]
    (folder / "individuals.json").write_text(json.dumps(records))
    assert "no VCF or BCF shares 90 %" in refusal(folder)


def test_an_assembly_nobody_names_is_refused(folder: Path) -> None:
    with pysam.VariantFile(str(folder / "variants.vcf.gz")) as file:
        lines = str(file.header).splitlines()
        samples = lines[-1]
    kept = [line for line in lines[:-1] if "reference" not in line and "contig" not in line]
    plain = folder / "v.txt"
    plain.write_text("\n".join([*kept, samples, ""]))
    pysam.tabix_compress(str(plain), str(folder / "variants.vcf.gz"), force=True)
    assert "names no assembly" in refusal(folder)


def demo_refuses(folder: Path, temporary: Path) -> str:
    """What `skerry demo --data` says on stderr; nothing of it is left."""
    temporary.mkdir()
    ran = subprocess.run(
        [sys.executable, "-m", "gateway", "demo", "--data", folder, "--port", "28410"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ran.returncode == Exit.BAD_INPUT, ran.stderr
    assert "Traceback" not in ran.stderr
    assert not list(temporary.iterdir())
    return ran.stderr


def test_the_command_refuses_a_cut_off_file_naming_it(folder: Path, tmp_path: Path) -> None:
    truncate(folder / "variants.vcf.gz")
    assert "variants.vcf.gz" in demo_refuses(folder, tmp_path / "temporary")


def test_the_command_refuses_an_invalid_record_naming_it(
    folder: Path, tmp_path: Path, made: Population
) -> None:
    spoiled = [{**made.people[0], "sex": {"id": "female", "label": "female"}}, *made.people[1:]]
    (folder / "individuals.json").write_text(json.dumps(spoiled))
    said = demo_refuses(folder, tmp_path / "temporary")
    assert "individuals.json, record 1 (person-0000), sex" in said


def test_each_node_answers_in_another_way() -> None:
    assert [data.profile_of(node) for node in range(4)] == [
        Profile.OPEN,
        Profile.DEFAULT,
        Profile.CONTROLLED,
        Profile.OPEN,
    ]

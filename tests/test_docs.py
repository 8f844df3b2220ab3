"""What the documents say is true: settings, dependencies, commands, links and examples."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from pydantic import BaseModel

from access.policies.file import load_policies
from access.policies.model import DatasetEntry, Expect, Given
from duo.purpose import Use, read_purpose
from gateway.cli import app
from gateway.config import NodeSettings, NoticeSettings, RateSettings, SignInSettings
from gateway.demo import data
from passports import trust
from portal.settings import PortalSettings
from schemas.data_use import DataUseRequest
from tests.support.beacon_node import BeaconNode, loaded, policy
from tests.support.command import skerry

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").rglob("*.md")))
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"\bskerry ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")
_PROJECT_NAME = re.compile(r"^[a-z0-9-]+")


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _section(page: str, title: str) -> str:
    return page.split(f"## {title}", 1)[1].split("\n## ", 1)[0]


def _keys(section: str) -> set[str]:
    return set(re.findall(r"^\| `([a-z_.]+)` \|", section, re.MULTILINE))


def _fields(model: type[BaseModel], prefix: str = "") -> set[str]:
    return {prefix + name for name in model.model_fields}


def _commands() -> dict[str, set[str]]:
    """Every command with its sub-commands; hidden ones left out."""
    found = typer.main.get_group(app)
    context = typer.Context(found)
    commands = {name: found.get_command(context, name) for name in found.list_commands(context)}
    return {
        name: set(getattr(command, "commands", {}))
        for name, command in commands.items()
        if command is not None and not command.hidden
    }


def test_settings_names_every_key_of_a_node_and_no_other() -> None:
    written = _keys(_section(_text("docs/settings.md"), "A node"))

    assert written == (
        _fields(NodeSettings)
        | _fields(NoticeSettings, "notices.")
        | _fields(RateSettings, "rate_limits.")
        | _fields(SignInSettings, "signin.")
    )


def test_settings_names_every_key_of_a_portal_and_no_other() -> None:
    written = _keys(_section(_text("docs/settings.md"), "A portal"))

    assert written == _fields(PortalSettings)


def test_dependencies_gives_a_reason_for_every_dependency_and_no_other() -> None:
    project = tomllib.loads(_text("pyproject.toml"))["project"]
    wanted = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        wanted += extra
    names = {found[0] for one in wanted if (found := _PROJECT_NAME.match(one.lower()))}

    written = re.findall(r"^- `([a-z0-9-]+)`: .{10,}", _text("docs/dependencies.md"), re.MULTILINE)

    assert sorted(written) == sorted(names - {"skerry"})


def _named() -> Iterator[tuple[str, str, str | None]]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        code = re.findall(r"```.*?```|`[^`\n]+`|^ {4}.*$", text, re.DOTALL | re.MULTILINE)
        for one in code:
            for found in _COMMAND.finditer(one):
                yield page.name, found[1], found[2]


def test_every_command_named_in_the_documents_exists() -> None:
    commands = _commands()

    unknown = [
        (page, command, sub)
        for page, command, sub in _named()
        if command not in commands or (commands[command] and sub and sub not in commands[command])
    ]

    assert unknown == []


def test_every_command_is_named_in_the_readme() -> None:
    text = README.read_text(encoding="utf-8")

    assert [name for name in _commands() if f"`skerry {name}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_relative_links_lead_somewhere(page: Path) -> None:
    targets = [
        target.partition("#")[0]
        for target in _LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in target and not target.startswith("#")
    ]

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_holds_the_test_command_as_a_line_of_its_own() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()

    assert lines.count("pip install -e '.[test]' && pytest") == 1


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", _text(page), re.DOTALL)


def _yaml_of(page: str) -> list[str]:
    return _blocks(page, "yaml")


def _steps(page: str) -> Iterator[tuple[str, str]]:
    """The policy files and commands of a walk, in order."""
    found = re.finditer(r"```(yaml|console)\n(.*?)```", _text(page), re.DOTALL)
    yield from ((one[1], one[2]) for one in found)


def test_every_step_of_the_policy_guide_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = 0
    for kind, text in _steps("docs/policies.md"):
        if kind == "yaml":
            (tmp_path / "node" / "policies.yaml").write_text(text, encoding="utf-8")
            continue
        for step in text.removeprefix("$ ").split("\n$ "):
            command, *expected = step.strip().splitlines()
            done = skerry(*shlex.split(command)[1:])
            assert (done.code, done.err) == (0, ""), command
            assert [line for line in expected if line not in done.out] == [], command
            ran += 1

    assert ran == 14


def test_every_policy_example_loads_and_its_own_tests_hold(tmp_path: Path) -> None:
    path = tmp_path / "policies.yaml"
    for example in _yaml_of("docs/policies.md"):
        path.write_text(example, encoding="utf-8")
        assert load_policies(path, public_url="https://node.example.org").datasets()


def test_the_policy_guide_names_every_key_of_a_dataset_and_shows_it() -> None:
    every_key = yaml.safe_load(_yaml_of("docs/policies.md")[-1])

    assert _keys(_section(_text("docs/policies.md"), "Keys")) == set(DatasetEntry.model_fields)
    assert set(every_key["datasets"][0]) == set(DatasetEntry.model_fields)
    assert set(every_key["tests"][0]["given"]) == set(Given.model_fields)
    assert set(every_key["tests"][0]["expect"]) == set(Expect.model_fields)


def test_the_trust_example_loads(tmp_path: Path) -> None:
    example = _yaml_of("docs/trust.md")[0]
    path = tmp_path / "trust.yaml"
    path.write_text(example, encoding="utf-8")

    table = trust.load(path)

    assert table.broker("https://login.example.org") is not None


def test_the_data_use_walk_answers_as_its_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, request = _blocks("docs/duo.md", "json")
    (tmp_path / "dataset.json").write_text(dataset, encoding="utf-8")
    (tmp_path / "request.json").write_text(request, encoding="utf-8")
    (commands,) = _blocks("docs/duo.md", "sh")
    monkeypatch.chdir(tmp_path)

    check, lint = (skerry(*line.split()[1:]) for line in commands.splitlines())

    assert (check.code, lint.code) == (0, 0)
    assert check.out.startswith("permit: The conditions of data use allow this.")
    assert "2026-12-01" in check.out
    for kind, code in (("unknown", 9), ("for_profit", 8)):
        changed = request.replace('"not_for_profit"', f'"{kind}"')
        (tmp_path / "request.json").write_text(changed, encoding="utf-8")
        assert skerry(*commands.splitlines()[0].split()[1:]).code == code


def test_the_data_use_request_example_is_one() -> None:
    (example,) = _yaml_of("docs/duo.md")

    sent = DataUseRequest.model_validate(yaml.safe_load(example))

    assert set(sent.model_fields_set) == set(DataUseRequest.model_fields) - {"permit"}
    assert read_purpose(sent).all_uses == {Use.DISEASE}


def test_every_decision_names_its_cost() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("0*.md"))

    assert len(decisions) > 12
    assert [one.name for one in decisions if "\n## Cost\n" not in one.read_text("utf-8")] == []


_ASKED = re.compile(r"^# .* → (\d+)\ncurl -s \"\$N(/[^\"]+)\"$", re.MULTILINE)


@pytest.fixture(scope="module")
def open_node(tmp_path_factory: pytest.TempPathFactory) -> BeaconNode:
    """The demo's first node, as `skerry demo` fills it."""
    folder = tmp_path_factory.mktemp("demo")
    plan = data.synthetic(folder, nodes=3)[0][0]
    catalog = loaded(folder / "catalog", plan.source)
    return BeaconNode(
        folder, catalog=catalog, policies=[policy(plan.source.id, profile=plan.profile)]
    )


@pytest.mark.anyio
@pytest.mark.parametrize(("answer", "address"), _ASKED.findall(_text("docs/beacon.md")))
async def test_each_request_of_the_beacon_page_has_the_answer_it_says(
    open_node: BeaconNode, answer: str, address: str
) -> None:
    async with open_node.client() as client:
        found = await client.get(address)
    summary = found.json().get("responseSummary", {})
    assert (answer == "400") == (found.status_code == 400)
    assert answer in ("400", str(summary.get("numTotalResults")))


_POSTED = re.compile(
    r"^# [^\n]* → (\d+)\ncurl -s -X POST [^\"]*\"\$N(/\w+)\" -d '(\{.*?\})'$",
    re.MULTILINE | re.DOTALL,
)


@pytest.mark.anyio
@pytest.mark.parametrize(("answer", "path", "body"), _POSTED.findall(_text("docs/beacon.md")))
async def test_each_posted_request_of_the_beacon_page_has_the_answer_it_says(
    open_node: BeaconNode, answer: str, path: str, body: str
) -> None:
    async with open_node.client() as client:
        found = await client.post(path, json=json.loads(body))
    assert found.json()["responseSummary"]["numTotalResults"] == int(answer)


@pytest.mark.anyio
async def test_the_answer_of_the_beacon_page_is_that_of_its_first_request(
    open_node: BeaconNode,
) -> None:
    page = _text("docs/beacon.md")
    (shown,) = _blocks("docs/beacon.md", "json")
    async with open_node.client() as client:
        found = await client.get(_ASKED.findall(page)[0][1])
    assert json.loads(shown)["responseSummary"] == found.json()["responseSummary"]
    assert len(_POSTED.findall(page)) == page.count("-X POST") == 4


def test_the_beacon_page_asks_in_every_way() -> None:
    asked = " ".join(address for _, address in _ASKED.findall(_text("docs/beacon.md")))
    for part in ("&end=", "geneId", "aminoacidChange", ":g.", ":c.", ":p.", "variantId", "EFO:"):
        assert part in asked


def test_every_step_of_the_loading_page_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "omop").mkdir()
    ran = 0
    named = re.compile(r"(?:^`([^`\n]+)`:\n\n)?```(\w+)\n(.*?)```", re.DOTALL | re.MULTILINE)
    for name, kind, text in named.findall(_text("docs/loading.md")):
        if kind != "console":
            (tmp_path / name).write_text(text, encoding="utf-8")
            continue
        for step in text.removeprefix("$ ").split("\n$ "):
            command, *expected = step.strip().splitlines()
            done = skerry(*shlex.split(command)[1:])
            assert (done.code, done.err) == (0, ""), command
            assert [line for line in expected if line.strip() not in done.out] == [], done.out
            ran += 1

    assert ran == 14
    with (tmp_path / "rejected.csv").open(encoding="utf-8") as report:
        rows = report.read().splitlines()
    assert rows[1].startswith("two.json,record 2 (P2),sex.id,")

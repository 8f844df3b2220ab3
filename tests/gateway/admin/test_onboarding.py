"""Publishing a dataset on the admin's pages: described, checked, loaded by a process of its own."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from beacon import manifest
from beacon.catalog import Span
from beacon.segments import SegmentCatalog
from gateway.errors import LoadRefused
from gateway.holding import import_folder, load_job
from gateway.holding.load_jobs import Job, Jobs
from gateway.holding.processes import JobState
from gateway.pages.admin import onboarding_form
from tests.support.admin_node import POLICY, AdminNode, Browser, plain
from tests.support.bff import located
from tests.support.sources import write_records

pytestmark = pytest.mark.anyio

BEGIN = "/admin/onboarding"
PEOPLE = [{"id": "P1"}, {"id": "P2"}]
FORM = {
    "dataset": "isle",
    "name": "The isle",
    "description": "Two people.",
    "assembly": "GRCh38",
    "dct:accessRights": "http://publications.europa.eu/resource/authority/access-right/NON_PUBLIC",
    "dcatap:applicableLegislation": "http://data.europa.eu/eli/reg/2025/327/oj",
    "dct:publisher": "Isle hospital",
    "dcat:contactPoint": "data@isle.example",
    "healthdcatap:hdab": "Isle HDAB, hdab@isle.example",
    "healthdcatap:healthCategory": "Human genetic data",
    "dcat:keyword": "isle, people",
    "dct:type": "Personal data",
    "dct:provenance": "A cohort of 2020.",
}


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[AdminNode]:
    incoming = tmp_path / "incoming"
    (incoming / "isle").mkdir(parents=True)
    (incoming / "isle" / "individuals.json").write_text(json.dumps(PEOPLE), encoding="utf-8")
    made = AdminNode(tmp_path, changed={"import_folder": str(incoming)})
    yield made
    await made.close()


async def described(browser: Browser, **changed: str) -> str:
    """The plan's page."""
    answer = await browser.send(f"{BEGIN}/new", **{**FORM, **changed})
    assert answer.status_code == 303, plain(answer.text)
    return answer.headers["location"].removesuffix("/files")


async def with_files(browser: Browser) -> str:
    page = await described(browser)
    sent = {"folder": "isle", "as:isle/individuals.json": "individuals"}
    assert (await browser.send(f"{page}/files", **sent)).status_code == 303
    return page


def ended(node: AdminNode, page: str, job: Job) -> JobState:
    jobs, late = Jobs(node.home), time.monotonic() + 600
    while (found := jobs.progress(page.rpartition("/")[2], job)).state is JobState.RUNNING:
        assert time.monotonic() < late
        time.sleep(0.05)
    return found.state


def run(node: AdminNode, page: str, job: Job) -> None:
    """The process's work, in this one."""
    plan = Jobs(node.home).plans.plan(page.rpartition("/")[2])
    digest = Jobs(node.home).plans.digest(plan)
    load_job.main([str(node.home.root), plan.id, job, digest])


async def test_a_dataset_is_published_from_its_description_to_its_answers(
    node: AdminNode,
) -> None:
    browser = node.browser()
    page = await with_files(browser)
    assert (await browser.send(page, step="check")).status_code == 303
    running = await browser.text(page)
    assert "Being checked" in running or "found it good" in running
    again = await browser.send(page, step="check")
    assert again.status_code in (303, 409)  # the first may have ended meanwhile
    assert ended(node, page, Job.CHECK) is JobState.DONE
    said = await browser.text(page)
    assert "The check found it good; nothing was loaded." in said
    assert "people read 2" in said
    assert "isle/individuals.json: individuals (JSON)" in said
    assert manifest.read(node.home.catalog) == {}
    sent = await browser.send(page, step="publish", reason="The committee agreed.")
    assert sent.status_code == 303
    assert ended(node, page, Job.PUBLISH) is JobState.DONE
    segment = SegmentCatalog(node.home.catalog).snapshot()["isle"]
    assert (segment.facts.people, segment.facts.name) == (2, "The isle")
    info = segment.facts.metadata["info"]
    assert isinstance(info, dict)
    assert info["healthDCATAP"]["dct:publisher"] == "Isle hospital"
    assert info["healthDCATAP"]["dct:identifier"].endswith("/datasets/isle")
    said = await browser.text(page)
    assert "It is loaded and served." in said
    loaded = said[said.index("What was loaded") :]
    assert re.search(r"dataset isle its version \S+ people 2 variants 0 HealthDCAT-AP", loaded)
    made = node.recorded("admin.made")
    assert [(one["what"], one["dataset"]) for one in made] == [("dataset.publish", "isle")]


async def test_the_end_of_a_load_is_told_for_the_record_once(node: AdminNode) -> None:
    page = await with_files(node.browser())
    run(node, page, Job.CHECK)
    run(node, page, Job.PUBLISH)
    told: list[dict[str, object]] = []
    for _ in range(2):
        node.node.jobs.note_published(lambda facts: told.append(dict(facts)))
    version = manifest.read(node.home.catalog)["isle"].version
    assert [(one["dataset"], one["good"], one["version"]) for one in told] == [
        ("isle", True, version)
    ]


async def test_variants_in_bff_are_offered_and_loaded_as_the_command_line_loads_them(
    node: AdminNode, tmp_path: Path
) -> None:
    variation = {"type": "CopyNumberChange", "copy_change": "efo:0030069",
                 "subject": located(99, 200)}  # fmt: skip
    record = {"variation": variation, "caseLevelData": [{"biosampleId": "P1"}]}
    folder = tmp_path / "incoming" / "isle"
    write_records(folder / "genomicVariations.json", [record])
    browser = node.browser()
    page = await described(browser)
    offered = await browser.text(f"{page}/files?folder=isle")
    assert "variants (BFF genomicVariations, JSON)" in plain(offered)
    sent = {
        "as:isle/individuals.json": "individuals",
        "as:isle/genomicVariations.json": "genomicVariations",
    }
    assert (await browser.send(f"{page}/files", folder="isle", **sent)).status_code == 303
    for job in (Job.CHECK, Job.PUBLISH):
        run(node, page, job)
        assert ended(node, page, job) is JobState.DONE
    segment = SegmentCatalog(node.home.catalog).snapshot()["isle"]
    lost = Span("1", 0, 1000, variant_type="EFO:0030069")
    assert segment.person_ids(segment.owners(segment.carriers(lost))) == ["P1"]


@pytest.mark.parametrize(
    ("name", "role"),
    [("genomicVariations.json", "genomicVariations"), ("GenomicVariations.jsonl.gz",
     "genomicVariations"), ("genomicVariationsVcf.json", "genomicVariations"),
     ("individuals.json", "individuals"), ("variations.txt", "")],
)  # fmt: skip
def test_what_a_file_is_is_guessed_by_its_name(name: str, role: str) -> None:
    assert onboarding_form.guess(import_folder.Found(name, False, 1, 1)) == role


async def test_a_bad_file_is_refused_with_its_place_and_nothing_is_loaded(
    node: AdminNode,
) -> None:
    browser = node.browser()
    page = await with_files(browser)
    bad = node.folder / "incoming" / "isle" / "individuals.json"
    bad.write_text('[{"id": "P1"}, {"id": "P1"}]', encoding="utf-8")
    run(node, page, Job.CHECK)
    said = await browser.text(page)
    assert "It failed. Nothing was changed." in said
    assert "individuals.json, record 2 (P1), id" in said
    assert "an id that no other record has correct the file and load again" in said
    assert "Publish it" not in said
    browser.http.headers["accept-language"] = "de"
    assert "eine Kennung, die kein anderer Eintrag hat" in await browser.text(page)
    answer = await browser.send(page, step="publish", reason="Now.")
    assert answer.status_code == 409
    assert manifest.read(node.home.catalog) == {}
    report = await browser.get(f"{page}/report")
    assert report.headers["content-disposition"].startswith("attachment")


async def test_a_file_that_went_is_refused_in_the_readers_language(node: AdminNode) -> None:
    browser = node.browser()
    page = await with_files(browser)
    plan = Jobs(node.home).plans.plan(page.rpartition("/")[2])
    digest = Jobs(node.home).plans.digest(plan)
    (node.folder / "incoming" / "isle" / "individuals.json").unlink()
    load_job.main([str(node.home.root), plan.id, Job.CHECK, digest])
    assert "isle/individuals.json: no longer in the import folder" in await browser.text(page)
    browser.http.headers["accept-language"] = "de"
    assert "isle/individuals.json: nicht mehr im Importordner" in await browser.text(page)


async def test_what_was_not_checked_is_not_loaded(node: AdminNode) -> None:
    browser = node.browser()
    page = await with_files(browser)
    assert (await browser.send(page, step="publish", reason="Now.")).status_code == 409
    run(node, page, Job.CHECK)
    path = node.folder / "incoming" / "isle" / "individuals.json"
    path.write_text('[{"id": "P3"}]', encoding="utf-8")
    assert "has changed since: check it once more" in await browser.text(page)
    answer = await browser.send(page, step="publish", reason="Now.")
    assert answer.status_code == 409
    run(node, page, Job.CHECK)
    await browser.send(f"{page}/description", **{**FORM, "name": "Another"})
    assert (await browser.send(page, step="publish", reason="Now.")).status_code == 409
    assert manifest.read(node.home.catalog) == {}
    assert node.recorded("admin.made") == []


async def test_a_process_that_died_is_not_taken_for_one_that_runs(node: AdminNode) -> None:
    page = await with_files(node.browser())
    folder = Jobs(node.home).plans.folder(page.rpartition("/")[2])
    (folder / "check.lock").touch()
    said = await node.browser().text(page)
    assert "It ended without a word" in said
    assert "Check it again" in said


async def test_with_four_eyes_another_admin_publishes(tmp_path: Path) -> None:
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "p.json").write_text(json.dumps(PEOPLE), encoding="utf-8")
    node = AdminNode(
        tmp_path,
        changed={"import_folder": str(tmp_path / "incoming")},
        policies={**POLICY, "second_person": ["datasets"]},
    )
    adam, anna = node.browser("adam"), node.browser("anna")
    page = await described(adam)
    await adam.send(f"{page}/files", **{"folder": "", "as:p.json": "individuals"})
    run(node, page, Job.CHECK)
    change = (await adam.send(page, step="publish", reason="Agreed.")).headers["location"]
    assert change.startswith("/admin/changes/")
    assert "Publish isle" in await anna.text(change)
    assert (await adam.send(change, step="confirm")).status_code == 403
    assert (await anna.send(change, step="confirm")).status_code == 303
    assert ended(node, page, Job.PUBLISH) is JobState.DONE
    assert "isle" in manifest.read(node.home.catalog)
    await node.close()


@pytest.mark.parametrize(
    "changed",
    [
        {"dataset": ""},
        {"dataset": "../etc"},
        {"dataset": "a b"},
        {"name": ""},
        {"name": "x" * 300},
        {"description": ""},
        {"assembly": "hg19"},
        {"dct:publisher": ""},
        {"dct:provenance": "x" * 2001},
        {"dct:accessRights": "whatever"},
    ],
)
async def test_a_description_is_whole_or_refused_in_words(
    node: AdminNode, changed: dict[str, str]
) -> None:
    answer = await node.browser().send(f"{BEGIN}/new", **{**FORM, **changed})
    assert answer.status_code == 400
    assert "Isle HDAB" in answer.text  # what was written is not lost
    assert list(Jobs(node.home).plans.listed()) == []


@pytest.mark.parametrize(
    "sent",
    [
        {"folder": "..", "as:../n/node.toml": "individuals"},
        {"folder": "", "as:/etc/passwd": "individuals"},
        {"folder": "", "as:../n/keys/visa.pem": "seal"},
        {"folder": "isle", "as:isle/link.json": "individuals"},
        {"folder": "isle", "as:isle/.hidden.json": "individuals"},
        {"folder": "isle", "as:isle/gone.json": "individuals"},
        {"folder": "isle", "as:isle/individuals.json": "surprise"},
        {"folder": "isle"},
        {"folder": "isle", "as:isle/individuals.json": "individuals", "max_rejected": "-1"},
    ],
)
async def test_no_file_but_the_import_folders_own_is_ever_named(
    node: AdminNode, sent: dict[str, str]
) -> None:
    isle = node.folder / "incoming" / "isle"
    (isle / "link.json").symlink_to(node.home.policies)
    (isle / ".hidden.json").write_text("[]", encoding="utf-8")
    browser = node.browser()
    page = await described(browser)
    answer = await browser.send(f"{page}/files", **sent)
    assert answer.status_code == 400
    assert Jobs(node.home).plans.plan(page.rpartition("/")[2]).files == {}
    shown = (await browser.get(f"{page}/files", folder="isle")).text
    assert "individuals.json" in shown
    assert "link.json" not in shown
    assert ".hidden" not in shown


async def test_without_an_import_folder_the_page_says_what_to_do(tmp_path: Path) -> None:
    node = AdminNode(tmp_path)
    browser = node.browser()
    page = await described(browser)
    assert "This node has no import folder" in await browser.text(f"{page}/files")
    sent = await browser.send(f"{page}/files", **{"as:a.json": "individuals"})
    assert sent.status_code == 400
    await node.close()


async def test_a_plan_is_listed_and_discarded(node: AdminNode) -> None:
    browser = node.browser()
    page = await with_files(browser)
    assert "The isle" in await browser.text(BEGIN)
    assert (await browser.send(page, step="dance")).status_code == 400
    assert (await browser.send(page, step="discard")).status_code == 303
    assert (await browser.get(page)).status_code == 404
    assert "None." in await browser.text(BEGIN)


@pytest.mark.parametrize("plan", ["load-0", "load-0123456789abcdef", "x", "load-..%2f..%2fx"])
async def test_a_plan_that_is_not_there_is_not_found(node: AdminNode, plan: str) -> None:
    for path in ("", "/files", "/description", "/report"):
        assert (await node.browser().get(f"{BEGIN}/{plan}{path}")).status_code == 404


async def test_publishing_is_the_admins_alone(node: AdminNode) -> None:
    page = await with_files(node.browser())
    dora = node.browser("dora")
    for path in (BEGIN, f"{BEGIN}/new", page, f"{page}/files"):
        assert (await dora.get(path)).status_code == 404
    assert (await dora.send(page, step="check")).status_code == 404
    assert (await node.browser().send(page, step="check", csrf="")).status_code == 403
    assert Jobs(node.home).progress(page.rpartition("/")[2], Job.CHECK).state is JobState.NONE


def test_a_folder_is_one_of_those_that_were_found(tmp_path: Path) -> None:
    (tmp_path / "in" / "a" / "b" / "c" / "d").mkdir(parents=True)
    (tmp_path / "in" / "way").symlink_to(tmp_path)
    assert import_folder.folders(tmp_path / "in") == ("", "a", "a/b", "a/b/c")
    for other in ("way", "..", "a/b/c/d", "/"):
        with pytest.raises(LoadRefused):
            import_folder.inside(tmp_path / "in", other)

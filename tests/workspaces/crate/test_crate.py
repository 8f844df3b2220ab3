"""A crate proves a run from node keys alone; whatever is changed in it is found."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.proven_run import (
    ABSENT,
    BUNDLE,
    KEYS,
    NODES,
    RESULT,
    ROSTER,
    federated,
    fingerprint,
    proofs,
    recorded,
    sha,
)
from workspaces.crate import bag
from workspaces.crate.contents import SignedManifest, SiteProofs
from workspaces.crate.metadata import METADATA
from workspaces.crate.proving import verify
from workspaces.crate.writing import write
from workspaces.errors import CrateUntrue


def with_site(changed: Callable[[SiteProofs], SiteProofs]) -> bytes:
    run = federated()
    return write(replace(run, sites=(changed(run.sites[0]), *run.sites[1:])))


def test_a_crate_proves_who_permitted_what_and_what_was_released() -> None:
    found = verify(write(federated()), node_keys=KEYS)
    assert found.application == sha(BUNDLE)
    assert found.outputs == {"outputs/table.json": sha(RESULT)}
    assert [site.node for site in found.sites] == list(NODES)
    assert all(site.wiped and site.released == {sha(RESULT)} for site in found.sites)
    assert found.sites[0].entries == 3
    assert found.silent == (fingerprint(ABSENT),)


def test_the_same_run_is_the_same_bytes() -> None:
    run = federated()
    assert write(run) == write(run)


def test_a_site_without_a_receipt_is_said_not_to_have_wiped() -> None:
    raw = with_site(lambda site: site.model_copy(update={"receipt": None}))
    assert [site.wiped for site in verify(raw, node_keys=KEYS).sites] == [False, True]


ONE_KEY = dict([*KEYS.items()][:1])
EXCHANGED = dict(zip(KEYS, reversed(KEYS.values()), strict=True))


@pytest.mark.parametrize("keys", [{}, ONE_KEY, EXCHANGED])
def test_only_nodes_whose_keys_the_reader_has_are_believed(keys: dict[str, bytes]) -> None:
    with pytest.raises(CrateUntrue):
        verify(write(federated()), node_keys=keys)


def permit_of(site: SiteProofs, **changes: object) -> SiteProofs:
    permit = site.permit.permit.model_copy(update=changes)
    return site.model_copy(update={"permit": site.permit.model_copy(update={"permit": permit})})


def entry_of(site: SiteProofs, **changes: object) -> SiteProofs:
    entries = (site.entries[0].model_copy(update=changes), *site.entries[1:])
    return site.model_copy(update={"entries": entries})


def manifest_of(site: SiteProofs, *, signed_by: str = "", **changes: object) -> SiteProofs:
    manifest = site.results[0].manifest.model_copy(update=changes)
    signature = site.results[0].signature
    if signed_by:
        signature = NODES[signed_by].sign(manifest.signed_bytes()).hex()
    made = SignedManifest(manifest=manifest, signature=signature)
    return site.model_copy(update={"results": (made,)})


CZ, EE = NODES
FORGED: dict[str, Callable[[SiteProofs], SiteProofs]] = {
    "permit": lambda site: permit_of(site, dataset="another"),
    "permit's end": lambda site: permit_of(site, expires=1_900_000_000),
    "application": lambda site: proofs(CZ, application="0" * 64),
    "roster": lambda site: proofs(CZ, roster=(*ROSTER[1:], "9" * 64)),
    "other rosters": lambda site: proofs(CZ, roster=(*ROSTER, "9" * 64)),
    "lower floors": lambda site: proofs(CZ, cell=3),
    "workspace": lambda site: site.model_copy(update={"identity_key": "ab" * 32}),
    "checkpoint": lambda site: site.model_copy(update={"checkpoint": "nothing"}),
    "other node's checkpoint": lambda site: site.model_copy(
        update={"checkpoint": recorded(EE, "run-cz", key=NODES[CZ], released=RESULT)[0]}),
    "entry": lambda site: entry_of(site, line=site.entries[0].line.replace("permitted", "refused")),
    "unreadable entry": lambda site: entry_of(site, line="[]"),
    "entry of another run": lambda site: site.model_copy(
        update={"entries": tuple(recorded(CZ, "run-other", key=NODES[CZ], released=RESULT)[1])}),
    "no permission on record": lambda site: site.model_copy(update={"entries": site.entries[1:]}),
    "release on no record": lambda site: site.model_copy(update={"entries": site.entries[:1]}),
    "proof": lambda site: entry_of(site, proof=site.entries[1].proof),
    "unreadable proof": lambda site: entry_of(
        site, proof=site.entries[0].proof.model_copy(update={"path": ("zz",)})),
    "release": lambda site: manifest_of(site, sha256="0" * 64),
    "release of another run": lambda site: manifest_of(site, signed_by=CZ, run="run-x"),
    "release by another node": lambda site: manifest_of(site, signed_by=EE),
    "unrecorded release": lambda site: manifest_of(site, signed_by=CZ, sha256="0" * 64),
    "receipt of another site": lambda site: site.model_copy(update={"receipt": proofs(EE).receipt}),
    "the same site twice": lambda site: proofs(EE),
}  # fmt: skip


@pytest.mark.parametrize("forged", list(FORGED))
def test_what_a_site_did_not_sign_or_record_is_found(forged: str) -> None:
    with pytest.raises(CrateUntrue):
        verify(with_site(FORGED[forged]), node_keys=KEYS)


def test_a_result_of_a_node_that_the_permits_do_not_name_is_not_believed() -> None:
    def released_at(*nodes: str) -> bytes:
        made = tuple(proofs(url, released_at=nodes) for url in NODES)
        return write(replace(federated(), sites=made))

    assert verify(released_at(*NODES), node_keys=KEYS).sites
    with pytest.raises(CrateUntrue, match="do not let release"):
        verify(released_at(CZ), node_keys=KEYS)


def test_a_receipt_changed_after_it_was_signed_is_found() -> None:
    def later(site: SiteProofs) -> SiteProofs:
        assert site.receipt is not None
        receipt = site.receipt.receipt.model_copy(update={"outcome": "stopped"})
        changed = site.receipt.model_copy(update={"receipt": receipt})
        return site.model_copy(update={"receipt": changed})

    with pytest.raises(CrateUntrue, match="receipt's signature"):
        verify(with_site(later), node_keys=KEYS)


def test_an_output_that_nobody_released_and_another_bundle_are_found() -> None:
    run = federated()
    slipped = replace(run, outputs={**run.outputs, "rows.json": b"[1,2,3]"})
    with pytest.raises(CrateUntrue, match="released by no site"):
        verify(write(slipped), node_keys=KEYS)
    other = replace(run, application=replace(run.application, bundle=b"another"))
    with pytest.raises(CrateUntrue, match="not for the application"):
        verify(write(other), node_keys=KEYS)
    with pytest.raises(CrateUntrue, match="publisher"):
        verify(write(replace(run, sites=())), node_keys=KEYS)


def repacked(change: Callable[[dict[str, bytes]], None], *, sealed: bool) -> bytes:
    """A crate with changed files; `sealed` makes its manifests anew."""
    raw = write(federated())
    if sealed:
        payload = bag.read(raw)
        change(payload)
        return bag.write(payload, identifier=uuid.UUID(int=1))
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def first(files: dict[str, bytes], ending: str) -> str:
    return next(name for name in files if name.endswith(ending))


BROKEN: dict[str, Callable[[dict[str, bytes]], None]] = {
    "changed": lambda files: files.update({first(files, "table.json"): b"{}"}),
    "missing": lambda files: void(files.pop(first(files, "plan.json"))),
    "besides": lambda files: files.update({first(files, "plan.json") + ".more": b""}),
    "outside": lambda files: files.update({"../escaped": b""}),
    "second folder": lambda files: files.update({"other/data/x": b""}),
    "absolute": lambda files: files.update({"/etc/passwd": b""}),
    "no bagit": lambda files: void(files.pop(first(files, "bagit.txt"))),
    "no manifest": lambda files: void(files.pop(first(files, "/manifest-sha512.txt"))),
    "no tag manifest": lambda files: void(files.pop(first(files, "tagmanifest-sha512.txt"))),
    "other identifier": lambda files: files.update({first(files, "bag-info.txt"): b"x"}),
}


def void(taken: bytes) -> None:
    assert taken is not None


@pytest.mark.parametrize("broken", list(BROKEN))
def test_a_bag_that_is_not_what_its_manifests_list_is_found(broken: str) -> None:
    with pytest.raises(CrateUntrue):
        verify(repacked(BROKEN[broken], sealed=False), node_keys=KEYS)


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", b"no archive", write(federated())[:-30]])
def test_what_is_no_archive_is_refused(raw: bytes) -> None:
    with pytest.raises(CrateUntrue):
        verify(raw, node_keys=KEYS)


def test_an_archive_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = write(federated())
    monkeypatch.setattr(bag, "MAX_UNPACKED", 5_000)
    with pytest.raises(CrateUntrue, match="unpack"):
        verify(raw, node_keys=KEYS)
    monkeypatch.setattr(bag, "MAX_ARCHIVE", 500)
    with pytest.raises(CrateUntrue, match="may have"):
        verify(raw, node_keys=KEYS)


Graph = dict[str, dict[str, object]]


def graph_of(payload: dict[str, bytes]) -> Graph:
    document = json.loads(payload[METADATA])
    return {entity["@id"]: entity for entity in document["@graph"]}


def without(entity: str, member: str) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        del graph[entity][member]

    return change


MEMBERS: dict[str, Callable[[Graph], None]] = {
    **{f"{entity} {member}": without(entity, member) for entity, member in (
        ("ro-crate-metadata.json", "about"), ("ro-crate-metadata.json", "conformsTo"),
        ("./", "conformsTo"), ("./", "@type"), ("./", "name"), ("./", "datePublished"),
        ("./", "license"), ("./", "publisher"), ("./", "hasPart"), ("./", "mentions"),
        ("./", "mainEntity"), ("./", "sourceOrganization"), ("application/", "conformsTo"),
        ("application/", "hasPart"), ("#run", "name"), ("#run", "actionStatus"),
        ("#run", "agent"), ("#run", "instrument"), ("#requester", "@type"),
        ("#project", "@type"), ("#sign-off-1", "name"),
        (f"{CZ}#airlock", "provider"), (CZ, "name"), ("outputs/table.json", "@type"),
    )},
    "no root": lambda graph: void_entity(graph.pop("./")),
    "no file": lambda graph: void_entity(graph.pop("plan.json")),
    "no such file": lambda graph: graph.update({"x": {"@id": "x", "@type": "File"}}),
    "result besides": lambda graph: graph["#run"].update({"result": [{"@id": "gone.json"}]}),
    "two runs": lambda graph: graph["#sign-off-1"].update({"@type": "CreateAction"}),
}  # fmt: skip


def void_entity(taken: dict[str, object]) -> None:
    assert taken


@pytest.mark.parametrize("missing", list(MEMBERS))
def test_what_the_profile_requires_is_required(missing: str) -> None:
    def change(payload: dict[str, bytes]) -> None:
        graph = graph_of(payload)
        MEMBERS[missing](graph)
        document = json.loads(payload[METADATA])
        document["@graph"] = list(graph.values())
        payload[METADATA] = json.dumps(document).encode()

    with pytest.raises(CrateUntrue):
        verify(repacked(change, sealed=True), node_keys=KEYS)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"@graph":[1]}', b'{"@graph":[]}'])
def test_metadata_that_is_none_is_refused(raw: bytes) -> None:
    changed = repacked(lambda payload: payload.update({METADATA: raw}), sealed=True)
    with pytest.raises(CrateUntrue):
        verify(changed, node_keys=KEYS)


def test_reviews_are_those_that_the_evidence_proves() -> None:
    graph = graph_of(bag.read(write(federated())))
    kinds = [one["additionalType"] for one in graph.values() if one["@type"] == "AssessAction"]
    assert [str(kind["@id"]).split("#")[1] for kind in kinds] == [  # type: ignore[index]
        "SignOff", "DisclosureCheck", "SignOff", "DisclosureCheck",
    ]  # fmt: skip
    assert graph["#sign-off-1"]["endTime"] == "2023-11-14T22:13:20Z"

"""What the Five Safes RO-Crate profile 0.4 and RO-Crate 1.2 require of the metadata. Pure.

The members that the profile says must be there, that what they name is described, and that files
described and files present are the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from workspaces.crate import metadata
from workspaces.crate.metadata import Entity
from workspaces.errors import CrateUntrue

Described = dict[str, Entity]


def check_profile(payload: Mapping[str, bytes]) -> None:
    """Raises CrateUntrue for the first member that is missing or wrong."""
    described = _described(payload.get(metadata.METADATA, b""))
    _check_root(described)
    action = _action(described)
    root = described["./"]
    if _names(action, "instrument") != _names(root, "mainEntity"):
        raise CrateUntrue("The run's instrument is not the crate's main entity.")
    _typed(described, action, "agent", "Person")
    _typed(described, root, "sourceOrganization", "Project")
    parts = _parts(described)
    if not set(_names(action, "result")) <= parts:
        raise CrateUntrue("A result of the run is not part of the crate.")
    besides = set(payload) - {metadata.METADATA}
    files = {name for name, one in described.items() if "File" in _kinds(one)}
    if not besides <= files or not files <= besides:
        raise CrateUntrue("The files described are not those present.")
    if not besides <= parts:
        raise CrateUntrue("A file is not part of the crate.")
    for entity in described.values():
        if "AssessAction" in _kinds(entity):
            _check_review(described, entity)


def _described(raw: bytes) -> Described:
    try:
        document = json.loads(raw)
        graph = document["@graph"]
        described = {entity["@id"]: entity for entity in graph}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CrateUntrue("The crate's metadata cannot be read.") from error
    if document.get("@context") != metadata.CONTEXT or len(described) < len(graph):
        raise CrateUntrue("The crate's metadata is not RO-Crate 1.2, or describes one thing twice.")
    return described


def _check_root(described: Described) -> None:
    descriptor, root = described.get(metadata.METADATA), described.get("./")
    if descriptor is None or root is None:
        raise CrateUntrue("The crate's metadata has no descriptor or no root.")
    if _names(descriptor, "about") != ["./"] or not _conforms(descriptor, metadata.RO_CRATE):
        raise CrateUntrue("The crate's metadata is not RO-Crate 1.2.")
    if "Dataset" not in _kinds(root) or not _conforms(root, metadata.PROFILE):
        raise CrateUntrue("The crate does not say that it conforms to the profile.")
    for member in ("name", "description", "datePublished", "license", "publisher"):
        if not root.get(member):
            raise CrateUntrue(f"The crate has no {member}.")
    _typed(described, root, "mainEntity", "Dataset")
    main = described[_names(root, "mainEntity")[0]]
    if not _conforms(main, metadata.WORKFLOW_CRATE):
        raise CrateUntrue("The main entity is not a Workflow RO-Crate.")


def _action(described: Described) -> Entity:
    mentioned = [described.get(name, {}) for name in _names(described["./"], "mentions")]
    actions = [one for one in mentioned if "CreateAction" in _kinds(one)]
    if len(actions) != 1:
        raise CrateUntrue("The crate does not mention one run.")
    if not actions[0].get("name") or not actions[0].get("actionStatus"):
        raise CrateUntrue("The run has no name or no status.")
    return actions[0]


def _check_review(described: Described, review: Entity) -> None:
    if review["@id"] not in _names(described["./"], "mentions") or not review.get("name"):
        raise CrateUntrue("A review is not mentioned, or has no name.")
    for agent in (described.get(name, {}) for name in _names(review, "agent")):
        if not agent.get("name"):
            raise CrateUntrue("Who reviewed has no name.")
        if "SoftwareApplication" in _kinds(agent):
            _typed(described, agent, "provider", "Organization")


def _typed(described: Described, entity: Entity, member: str, kind: str) -> None:
    names = _names(entity, member)
    if not names or any(kind not in _kinds(described.get(name, {})) for name in names):
        raise CrateUntrue(f"{member} is not a described {kind}.")


def _parts(described: Described) -> set[str]:
    """What hasPart reaches, through folders too."""
    reached: set[str] = set()
    waiting = ["./"]
    while waiting:
        for name in _names(described.get(waiting.pop(), {}), "hasPart"):
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return reached


def _conforms(entity: Entity, to: str) -> bool:
    return to in _names(entity, "conformsTo")


def _kinds(entity: Entity) -> list[object]:
    kinds = entity.get("@type")
    return kinds if isinstance(kinds, list) else [kinds]


def _names(entity: Entity, member: str) -> list[str]:
    """What a member refers to."""
    value = entity.get(member)
    values = value if isinstance(value, list) else [value]
    return [str(one["@id"]) for one in values if isinstance(one, dict) and "@id" in one]

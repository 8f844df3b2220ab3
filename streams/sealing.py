"""Seals what is loaded into release units of the vault.

Crypt4GH v1.0. Every object has a data key of its own, since a key, once out, opens all it covers.
Plaintext is read and never written; the same content under the same names is left alone. What a
killed load leaves half done is `unfinished`'s, where objects are listed `vault`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from streams import places
from streams.envelope import BodyFacts, Progress, seal_body
from streams.errors import SourceRefused, VaultFull
from streams.inputs import HASH_STEP, Input, open_input
from streams.keyring import Secrets
from streams.keys import SecretKey, thumbprint
from streams.sources import FORMATS, Kind, check_content
from streams.storage import settle
from streams.unfinished import half_body
from streams.vault import SealedObject, Vault


def seal(
    vault: Vault,
    source: Path,
    *,
    object_id: str,
    dataset: str,
    kind: Kind | str,
    format: str,  # noqa: A002 - the field's word
    owner_ids: Sequence[str],
    node_public: bytes,
    secrets: Secrets | None = None,
    store: str | None = None,
    progress: Progress | None = None,
) -> SealedObject:
    """Seals `source` under a fresh key. A Crypt4GH file is opened with `secrets` in memory and
    sealed anew; where they hold the node's key, a killed load is gone on with. The body goes to the
    vault's own folder, or below a `store` (`s3://BUCKET/PREFIX`).

    What slicing needs is charted and sealed too, where the file has an index or can have one.

    Raises SourceRefused for what is truncated or not what it says, before anything changes.
    """
    with open_input(source, secrets) as given:
        return seal_input(
            vault,
            given,
            object_id=object_id,
            dataset=dataset,
            kind=kind,
            format=format,
            owner_ids=owner_ids,
            node_public=node_public,
            secrets=secrets,
            store=store,
            progress=progress,
        )


def seal_input(
    vault: Vault,
    given: Input,
    *,
    object_id: str,
    dataset: str,
    kind: Kind | str,
    format: str,  # noqa: A002 - the field's word
    owner_ids: Sequence[str],
    node_public: bytes,
    secrets: Secrets | None = None,
    store: str | None = None,
    progress: Progress | None = None,
) -> SealedObject:
    """As `seal`, of what is open already."""
    source = given.path
    kind, form = _known_kind(source, kind), format.upper()
    with vault.writing():
        check_content(source, given.at, given.size, kind=kind, form=form)
        vault.sweep()
        vault.check_key(node_public)
        before = vault.get(object_id)
        unsealed: dict[str, object] = {
            "object_id": object_id,
            "dataset": dataset,
            "kind": kind,
            "format": form,
            "owner_ids": tuple(owner_ids),
            "node_key": thumbprint(node_public),
        }
        if before is not None and _lies_in(before, store) and _is_same(before, unsealed, given):
            return before
        held = () if secrets is None else secrets()
        node = next((secret for secret in held if secret.public == node_public), None)
        try:
            return _seal_body(
                vault, given, names=unsealed, node_public=node_public, node=node, store=store,
                progress=progress,
            )  # fmt: skip
        except OSError as error:
            raise VaultFull(
                f"{source}: it could not be sealed: {error.strerror}. Nothing was loaded of it."
            ) from error


def _seal_body(
    vault: Vault,
    given: Input,
    *,
    names: Mapping[str, object],
    node_public: bytes,
    node: SecretKey | None,
    store: str | None,
    progress: Progress | None,
) -> SealedObject:
    chart, place = chart_of(given, str(names["kind"]), str(names["format"])), None
    with half_body(vault.bodies.folder, given, names=names, node=node) as half:
        facts = seal_body(
            half.plain, half.file, half.data_keys[-1],
            progress=progress, so_far=half.so_far, after_batch=half.after_batch,
        )  # fmt: skip
        check_read(given, facts)
        if store is None:
            settle(half.file, half.path, vault.bodies.path(facts.root.hex()))
        else:
            half.file.flush()
            place = places.put(f"{store}/{facts.root.hex()}.body", half.path)
    return vault.keep(
        names, facts, half.data_keys, chart=chart, node_public=node_public, place=place
    )


def check_read(given: Input, facts: BodyFacts) -> None:
    """Raises SourceRefused where what was read to its end is not what it was said to be."""
    if facts.plain_size != given.size:
        raise SourceRefused(f"{given.path}: the file changed while it was read. Try again.")
    if given.expected_sha256 not in (None, facts.plain_sha256.hex()):
        raise SourceRefused(
            f"{given.path}: it is not the file of {given.path.name}.sha256. Copy it again."
        )


def chart_of(given: Input, kind: str, form: str) -> bytes | None:
    """None for what cannot be sliced: another sort of file, or one that is not sorted."""
    if kind not in FORMATS:
        return None
    # Here, so that the process that holds the node's key loads no parser of foreign files.
    from streams.slices.chart import dump
    from streams.slices.survey import survey_input

    try:
        return dump(survey_input(given, form))
    except SourceRefused:
        return None


def _known_kind(source: Path, kind: Kind | str) -> Kind:
    try:
        return Kind(kind)
    except ValueError as error:
        known = ", ".join(Kind)
        raise SourceRefused(f"{source}: expected one of {known} as kind, got {kind}.") from error


def _lies_in(before: SealedObject, store: str | None) -> bool:
    if store is None or before.place is None:
        return store is None and before.place is None
    return before.place.at == f"{store}/{before.segment_root}.body"


def _is_same(before: SealedObject, unsealed: Mapping[str, object], given: Input) -> bool:
    same_names = all(getattr(before, name) == value for name, value in unsealed.items())
    if not same_names or given.size != before.plain_size:
        return False
    digest = hashlib.sha256()
    with given.stream() as file:
        while step := file.read(HASH_STEP):
            digest.update(step)
    return digest.hexdigest() == before.plain_sha256

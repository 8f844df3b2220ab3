"""A table that an operator brings as a release unit, such as the linked one of `skerry fl link`.

What an analysis in a workspace would not read is refused before it is sealed (a header, an id and
numbers; `workspaces.analysis.cohort`), and so is one that names somebody who withdrew. What the
file's people are called is not the node's to know: linked ones bear pseudonyms.
"""

from __future__ import annotations

from pathlib import Path

from beacon import manifest, withdrawals
from gateway.errors import LoadRefused
from gateway.holding import clearance, loading
from gateway.home import NodeHome
from streams.sources import Kind
from streams.vault import SealedObject, Vault

MAX_BYTES = 512 * 1024 * 1024


def seal(
    home: NodeHome, dataset: str, path: Path, *, file_name: str
) -> tuple[SealedObject, int, int]:
    """The sealed table, its rows and its columns. Raises LoadRefused."""
    if manifest.read(home.catalog).get(dataset) is None:
        raise LoadRefused(f"{dataset}: no version of it is served; `skerry load` brings one")
    gone = withdrawals.read(home.catalog).get(dataset, frozenset())
    people, columns = _read(path)
    if gone & people:
        raise LoadRefused(f"{path}: it names somebody who withdrew; make it without them")
    sealed = loading.seal_file(
        home, path, object_id=f"{dataset}/{file_name}", dataset=dataset, kind=Kind.FILE, owners=()
    )
    if sealed.cleared < len(gone) and people <= clearance.names(home, dataset):
        sealed = Vault(home.vault).mark(sealed, cleared=len(gone))
    return sealed, len(people), columns


def _read(path: Path) -> tuple[frozenset[str], int]:
    """Whom it names, and how many columns it has beside the names."""
    # Here, so that commands which read no table need not have NumPy.
    from workspaces.analysis.cohort import read_clinical

    try:
        if path.stat().st_size > MAX_BYTES:
            raise LoadRefused(f"{path}: a table may have {MAX_BYTES} bytes")
        with path.open(encoding="utf-8") as lines:
            found = read_clinical(lines)
    except (OSError, UnicodeDecodeError) as error:
        raise LoadRefused(f"{path}: expected a table of text") from error
    except ValueError as error:
        raise LoadRefused(f"{path}: {error}") from error
    if not found.people:
        raise LoadRefused(f"{path}: it has no rows")
    return frozenset(found.people), len(found.variables)

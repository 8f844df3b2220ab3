"""Where to go from an answer: the dataset's description, how to ask for access, its sealed files.

Beacon v2.2 handovers. Files are named only to callers who may have them; asking for access is
offered to those who may not. Whether a ticket is given is decided again where it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from schemas.beacon import Handover, HandoverType

MAX_FILES = 20
_DESCRIPTION: HandoverType = {"id": "CUSTOM:000001", "label": "Dataset description"}
_ACCESS: HandoverType = {"id": "CUSTOM:000002", "label": "Access request"}
_TICKET: HandoverType = {"id": "CUSTOM:000003", "label": "htsget ticket"}

# The paths at which a dataset's objects are asked for, below the node's address.
Objects = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Links:
    """The node's addresses; `objects` is only asked where records and files may be had."""

    public_url: str
    objects: Objects

    def dataset(self, dataset: str) -> str:
        return f"{self.public_url}/beacon/datasets/{dataset}"

    def of(self, dataset: str, *, may_stream: bool, with_files: bool) -> list[Handover]:
        ways = _ways(self.public_url, dataset, may_stream=may_stream)
        if not (may_stream and with_files):
            return list(ways)
        paths = self.objects(dataset)[:MAX_FILES]
        urls = (f"{self.public_url}{path}" for path in paths)
        return [*ways, *(Handover(handoverType=_TICKET, url=url) for url in urls)]


@lru_cache(1_000)
def _ways(public_url: str, dataset: str, *, may_stream: bool) -> tuple[Handover, ...]:
    """Beside files, which come and go."""
    about = Handover(handoverType=_DESCRIPTION, url=f"{public_url}/beacon/datasets/{dataset}")
    if may_stream:
        return (about,)
    note = "POST an access request; the dataset's committee decides."
    return about, Handover(handoverType=_ACCESS, url=f"{public_url}/access/requests", note=note)

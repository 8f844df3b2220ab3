"""Says where nginx finds a body, so that it sends the bytes and the node only lets them go.

`X-Accel-Redirect` names a file and cannot name a range of it: nginx takes the client's own `Range`.
So a part's address comes with the range of the file that it stands for (htsget 1.3.0, `headers` of
a URL), and only a request for exactly such a range is handed over. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from schemas.errors import InvalidInput
from streams.bodies import Body
from streams.htsget.tickets import Part

ASKED_BY_NGINX = "x-skerry-accel"  # the shipped configuration sets it, and takes a client's away
REDIRECT = "X-Accel-Redirect"

_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})", re.ASCII)
# nginx would judge these by the file, and might send all of it.
_CONDITIONS = ("if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since")


@dataclass(frozen=True, slots=True)
class Accel:
    """Folders that nginx reads, and the internal location of each."""

    locations: Mapping[str, str]

    def location(self, body: Body) -> str | None:
        """None for what does not lie in a file as it is sent, or not where nginx looks."""
        lies = body.lies
        for folder, location in self.locations.items() if lies is not None else ():
            if lies is not None and lies.is_relative_to(folder):
                return f"{location.rstrip('/')}/{quote(str(lies.relative_to(folder)))}"
        return None

    def hands_over(self, headers: Mapping[str, str]) -> bool:
        return headers.get(ASKED_BY_NGINX) == "1" and not any(c in headers for c in _CONDITIONS)


def folders(locations: Mapping[str, str]) -> Accel | None:
    if not locations:
        return None
    return Accel({str(Path(folder).resolve()): at for folder, at in locations.items()})


def range_of(part: Part) -> dict[str, str]:
    """The headers that go with a part's address."""
    return {"Range": f"bytes={part.start0}-{part.end0 - 1}"}


def asked_range(raw_headers: list[str], part: Part) -> Part:
    """The bytes of the body that a request asks for. Raises InvalidInput for any but one whole
    range within the part."""
    found = _RANGE.fullmatch(raw_headers[0].strip()) if len(raw_headers) == 1 else None
    if found is None or not part.start0 <= int(found[1]) <= int(found[2]) < part.end0:
        raise InvalidInput("Send the Range that the ticket gives with this address, or a part.")
    return Part(int(found[1]), int(found[2]) + 1)

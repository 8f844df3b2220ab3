"""Which requests nginx is told to serve, and from where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.errors import InvalidInput
from schemas.htsget import TicketUrl
from streams.bodies import Reader
from streams.htsget.tickets import Part
from streams.in_place import Accel, asked_range, folders, range_of
from tests.support.sealing_node import client_of
from workspaces.errors import ReleaseUntrue
from workspaces.parcel import Parcel

PART = Part(100, 200)


@dataclass
class Lying:
    lies: Path | None
    object_id: str = "o"
    size: int = 1
    etag: str = "e"

    def open(self) -> Reader:
        raise NotImplementedError


def test_a_folder_has_its_location_and_no_other_has_one() -> None:
    accel = Accel({"/vault/bodies": "/b/", "/open": "/c"})
    assert accel.location(Lying(Path("/vault/bodies/ab.body"))) == "/b/ab.body"
    assert accel.location(Lying(Path("/open/d/x y.bam"))) == "/c/d/x%20y.bam"
    for other in ("/vault/bodies2/ab", "/vault", "/etc/passwd"):
        assert accel.location(Lying(Path(other))) is None
    assert accel.location(Lying(None)) is None
    assert folders({}) is None


def test_what_a_ticket_gives_is_what_is_taken() -> None:
    assert asked_range([range_of(PART)["Range"]], PART) == PART


@pytest.mark.parametrize(
    "raw",
    [[], ["bytes=100-199", "bytes=0-5"], ["bytes=99-199"], ["bytes=100-200"], ["bytes=150-149"],
     ["bytes=100-"], ["bytes=-5"], ["bytes=100-110,120-130"], ["BYTES=100-110"], ["bytes=1e2-150"],
     ["bytes=١٠٠-١١٠"], [""]],
)  # fmt: skip
def test_nothing_else_is_taken(raw: list[str]) -> None:
    with pytest.raises(InvalidInput):
        asked_range(raw, PART)


def test_only_who_asks_as_nginx_and_without_conditions_is_told() -> None:
    accel = Accel({})
    assert accel.hands_over({"x-skerry-accel": "1"})
    assert not accel.hands_over({})
    assert not accel.hands_over({"x-skerry-accel": "0"})
    assert not accel.hands_over({"x-skerry-accel": "1", "if-range": '"x"'})


@pytest.mark.parametrize("stated", ["bytes=0-", "bytes=5", "lines=0-5", "bytes=0-5,7-9", ""])
def test_a_workspace_asks_for_no_other_sort_of_range(tmp_path: Path, stated: str) -> None:
    parcel = Parcel(tmp_path / "parcel", size=10)
    part = TicketUrl(url="http://node/x", headers={"Range": stated})
    with client_of(lambda _request: pytest.fail("asked")) as http, pytest.raises(ReleaseUntrue):
        parcel.collect([part], origin="http://node", http=http)

"""Who learns much of people whose presence is exact is told of: once, and to the record first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from access.errors import NotDelivered, RecordUnavailable
from access.privacy.alarms import GIVE_UP_SECONDS, Alarms
from access.privacy.ledger import SINGLES, Entry, Ledger
from access.requests.notices import Addressees, Channel, Notice, mail, webhook
from access.requests.outbox import Outbox
from tests.support.access_node import NOW, URL, AccessNode

pytestmark = pytest.mark.anyio

ENTRY = Entry("p-rosa", "rare", b"", "1", 200, 200)


@dataclass
class Committee:
    failures: int = 0
    told: list[tuple[str, str, int]] = field(default_factory=list)

    async def __call__(self, dataset: str, notice_id: str, at: int) -> bool:
        if self.failures:
            self.failures -= 1
            return False
        self.told.append((dataset, notice_id, at))
        return True


@dataclass
class Scene:
    node: AccessNode
    ledger: Ledger
    committee: Committee
    alarms: Alarms

    def asks(self, number: int, *people: int, frequency: float = 0.0, enforced: bool = False,
             subject: str = "p-rosa", now: int = NOW) -> None:  # fmt: skip
        entry = Entry(subject, "rare", b"%d" % number, "1", 200, 200)
        self.ledger.presence(
            entry, frequency=frequency, allowance=0.7, carriers=lambda: people, now=now,
            enforced=enforced,
        )  # fmt: skip

    def entries(self) -> list[dict[str, Any]]:
        lines = (self.node.folder / "record.jsonl").read_bytes().splitlines()
        found = [json.loads(line) for line in lines]
        return [one["facts"] for one in found if one["kind"] == "privacy.alarm"]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    node, committee = AccessNode(tmp_path), Committee()
    alarms = Alarms(node.store, record=node.record, announce=committee)
    yield Scene(node, Ledger(node.store), committee, alarms)
    node.store.close()


async def test_a_person_near_the_end_is_told_of_once_and_then_at_ten(scene: Scene) -> None:
    scene.asks(0, 1)
    assert await scene.alarms.ring(NOW) == 1
    assert scene.entries() == [{"caller": "p-rosa", "dataset": "rare", "alone": 1, "near_end": 1}]
    for number in range(1, 9):
        scene.asks(number, *range(number * 10, number * 10 + 1))
        assert await scene.alarms.ring(NOW) == 0
    scene.asks(9, 500)
    assert await scene.alarms.ring(NOW) == 1
    assert [one["near_end"] for one in scene.entries()] == [1, 10]


async def test_answers_that_one_person_alone_makes_are_a_pattern(scene: Scene) -> None:
    """At a frequency that costs little, so that nobody is near the end."""
    for number in range(SINGLES - 1):
        scene.asks(number, number, frequency=0.02)
    assert await scene.alarms.ring(NOW) == 0
    scene.asks(SINGLES, 77, frequency=0.02)
    assert await scene.alarms.ring(NOW) == 1
    (entry,) = scene.entries()
    assert entry["alone"] == SINGLES
    assert entry["near_end"] == 0


async def test_several_carriers_and_no_are_no_pattern(scene: Scene) -> None:
    for number in range(2 * SINGLES):
        scene.asks(number, number, number + 100, frequency=0.02)
        scene.asks(100 + number)
    assert await scene.alarms.ring(NOW) == 0
    assert scene.entries() == []


async def test_where_prices_are_paid_nobody_is_told(scene: Scene) -> None:
    for number in range(2 * SINGLES):
        scene.asks(number, number, frequency=0.004, enforced=True)
    assert await scene.alarms.ring(NOW) == 0
    assert scene.entries() == []


async def test_what_nobody_took_is_tried_later_and_recorded_once(scene: Scene) -> None:
    scene.committee.failures = 1
    scene.asks(0, 1)
    assert await scene.alarms.ring(NOW) == 0
    assert await scene.alarms.ring(NOW + 1) == 0
    assert scene.committee.told == []
    assert await scene.alarms.ring(NOW + 60) == 1
    assert len(scene.entries()) == len(scene.committee.told) == 1
    assert await scene.alarms.ring(NOW + 200) == 0


async def test_what_can_never_be_delivered_is_given_up(scene: Scene) -> None:
    scene.committee.failures = 100
    scene.asks(0, 1)
    for late in range(0, GIVE_UP_SECONDS * 2, GIVE_UP_SECONDS // 4):
        assert await scene.alarms.ring(NOW + late) == 0
    before = scene.committee.failures
    assert await scene.alarms.ring(NOW + 9 * GIVE_UP_SECONDS) == 0
    assert scene.committee.failures == before


async def test_without_a_record_nothing_is_announced_and_it_stays_due(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise RecordUnavailable("The record can't be written.", detail="full")

    scene.asks(0, 1)
    with monkeypatch.context() as patch:
        patch.setattr(scene.node.record, "append", full)
        with pytest.raises(RecordUnavailable):
            await scene.alarms.ring(NOW)
    assert scene.committee.told == []
    assert await scene.alarms.ring(NOW) == 1


async def test_the_committee_is_told_without_a_name(scene: Scene) -> None:
    taken: list[Notice] = []

    async def post(notice: Notice) -> None:
        taken.append(notice)

    hook = "https://hooks.example.org/skerry"
    to = Addressees({"rare": ("dac@example.org",), "*": ("all@example.org",)}, (hook,))
    outbox = Outbox(
        scene.node.store, addressees=to, couriers={Channel.MAIL: post, Channel.WEBHOOK: post}
    )
    alarms = Alarms(scene.node.store, record=scene.node.record, announce=outbox.announce)
    scene.asks(0, 1)
    assert await alarms.ring(NOW) == 1
    assert {one.target for one in taken} == {"dac@example.org", hook}
    for notice in taken:
        text = str(mail(notice, node="Node", sender="node@example.org", public_url=URL))
        sent = webhook(notice, public_url=URL).decode()
        assert "privacy.alarm" in sent
        assert f"{URL}/admin/risk" in text
        assert not any(word in text + sent for word in ("p-rosa", "rare", "Request"))


async def test_a_courier_that_fails_is_not_delivered(scene: Scene) -> None:
    async def refuse(_notice: Notice) -> None:
        raise NotDelivered("Not now.")

    to = Addressees({"*": ("all@example.org",)})
    outbox = Outbox(scene.node.store, addressees=to, couriers={Channel.MAIL: refuse})
    assert not await outbox.announce("rare", "alarm-1-1", NOW)

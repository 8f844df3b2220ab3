"""A whole run without the engine: every site's checks, and a coordinator who may lie."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from workspaces.engine.federated import frames, lost
from workspaces.engine.federated.application import Ask
from workspaces.engine.federated.conducting import Federation, Progress, Silence, conduct
from workspaces.engine.federated.node import check
from workspaces.engine.federated.roster import Refused, Start
from workspaces.engine.federated.visit import SiteFacts, Visit
from workspaces.engine.settling import SettledSites

RUN = "99"
Message = tuple[dict[str, object], dict[str, bytes]]


class Total:
    """Adds each site's one number, as often as the plan says."""

    def offer(self, plan: Mapping[str, Any], *, data: Path, scratch: Path) -> bytes:
        return b"here"

    def agree(self, plan: Mapping[str, Any], offers: Mapping[str, bytes]) -> bytes:
        return str(len(offers)).encode()

    def answer(
        self, plan: Mapping[str, Any], agreed: bytes, question: bytes, *, data: Path, scratch: Path
    ) -> Any:
        if plan.get("breaks") == f"{data.name} {question.decode()}":
            raise Refused("broken here")
        return np.array([int(data.name), 1])

    def conclude(self, plan: Mapping[str, Any], agreed: bytes, ask: Ask) -> list[dict[str, Any]]:
        sums = []
        for number in range(plan.get("rounds", 1)):
            total, sites = ask(str(number).encode(), f"sum {number}")
            sums.append({"total": total.tolist(), "sites": sites})
        return sums


class Sites:
    """Sites whose messages are delivered in this process; `tamper` may change what reaches one."""

    def __init__(self, folder: Path, count: int, *, plan: Mapping[str, Any], **permit: Any) -> None:
        self.visits: dict[int, Visit] = {}
        self.names: dict[str, str] = {}
        self.tamper: Callable[[str, int, Message], Message] = lambda action, node, message: message
        identities = [Ed25519PrivateKey.generate() for _ in range(count)]
        starts = [_start(one) for one in identities]
        roster = tuple(start.fingerprint for start, _ in starts)
        for number, (start, key) in enumerate(starts):
            facts = SiteFacts(
                start=start, key=key, roster=permit.get("roster", roster),
                least=permit.get("least", 3), data=folder / str(number),
                applications=frozenset(), configurations=permit.get("configurations"),
            )  # fmt: skip
            scratch = folder / f"scratch{number}"
            scratch.mkdir()
            kept = SettledSites(
                folder / f"settled{number}.json",
                roster=roster, me=start.fingerprint, least=3,
            )  # fmt: skip
            self.visits[number] = Visit(facts, Total(), plan, RUN, scratch, kept.settle)
            self.names[start.fingerprint] = f"site{number}"
        self.plan = plan

    def nodes(self) -> Mapping[int, str]:
        return {node: one.facts.start.fingerprint for node, one in self.visits.items()}

    def send(
        self, action: str, messages: Mapping[int, bytes], *, seconds: float
    ) -> Mapping[int, bytes | Silence]:
        return {node: self._deliver(action, node, body) for node, body in messages.items()}

    def _deliver(self, action: str, node: int, body: bytes) -> bytes | Silence:
        visit = self.visits[node]
        try:
            head, parts = self.tamper(action, node, frames.unpack(body))
            if action == "offer":
                return visit.offer()
            return visit.ask(head, parts) if action == "ask" else visit.open(head, parts)
        except Refused as refusal:
            return Silence(str(refusal))

    def run(self) -> tuple[list[dict[str, Any]], Progress]:
        progress = Progress(lambda now: None)
        federation = Federation(
            self, self.names, run=RUN, seconds=1, now=time.time(), progress=progress
        )
        return conduct(Total(), self.plan, federation), progress


def _start(identity: Ed25519PrivateKey) -> tuple[Start, bytes]:
    key = Ed25519PrivateKey.generate()
    public, until = key.public_key().public_bytes_raw().hex(), int(time.time()) + 100
    bare = Start(identity.public_key().public_bytes_raw().hex(), public, until)
    signed = Start(bare.identity, public, until, identity.sign(bare.signed_bytes()).hex())
    return signed, key.private_bytes_raw()


def test_a_run_gives_the_sum_of_all(tmp_path: Path) -> None:
    found, progress = Sites(tmp_path, 5, plan={"rounds": 2}).run()
    assert found == [{"total": [10, 5], "sites": 5}] * 2
    assert (len(progress.present), progress.missing) == (5, {})


def test_a_site_that_drops_out_of_the_first_sum_stays_out(tmp_path: Path) -> None:
    found, progress = Sites(tmp_path, 5, plan={"rounds": 3, "breaks": "4 0"}).run()
    assert [one["total"] for one in found] == [[6, 4]] * 3
    assert progress.missing == {"site4": "broken here"}
    assert progress.present == ("site0", "site1", "site2", "site3")


def test_a_drop_out_below_the_threshold_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"2 of 3 sites are left; nothing was opened\. site1: broken"):
        Sites(tmp_path, 3, plan={"breaks": "1 0"}).run()


@pytest.mark.parametrize("said", [{"range": [0, 7]}, {"codes": [1]}, {"missing": 0.1}])
def test_values_are_compared_with_a_plan_only_where_the_permit_names_it(
    tmp_path: Path, said: dict[str, object]
) -> None:
    plan = {"data": {"ldl": {"unit": "mmol/L"}, "age": said}}
    with pytest.raises(Refused, match=r"0 of 3 sites are left.*only where the permit names the"):
        Sites(tmp_path, 3, plan=plan).run()


def test_units_are_compared_with_any_plan_and_values_with_a_permitted_one(tmp_path: Path) -> None:
    for name, plan, permit in (
        ("unit", {"data": {"ldl": {"unit": "mmol/L"}}}, {}),
        ("values", {"data": {"ldl": {"range": [0, 7]}}}, {"configurations": frozenset()}),
    ):
        (tmp_path / name).mkdir()
        found, _ = Sites(tmp_path / name, 3, plan=plan, **permit).run()
        assert found[0]["sites"] == 3


def test_two_sites_never_sum(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="0 of 3"):
        Sites(tmp_path, 2, plan={}).run()


def test_a_site_whose_permit_asks_for_more_is_left_out(tmp_path: Path) -> None:
    sites = Sites(tmp_path, 4, plan={})
    demanding = sites.visits[0].facts
    sites.visits[0] = Visit(
        SiteFacts(demanding.start, demanding.key, demanding.roster, 9, demanding.data,
                  frozenset(), None),
        Total(), {}, RUN, sites.visits[0].scratch, sites.visits[0].settle,
    )  # fmt: skip
    found, progress = sites.run()
    assert found == [{"total": [6, 3], "sites": 3}]
    assert progress.missing == {"site0": "its permit asks for 9 sites in a sum"}


def only(action: str, change: Callable[[int, Message], Message]) -> Any:
    def tamper(now: str, node: int, message: Message) -> Message:
        return change(node, message) if now == action else message

    return tamper


def changed(head: Mapping[str, object]) -> Callable[[int, Message], Message]:
    return lambda node, message: ({**message[0], **head}, message[1])


def test_a_coordinator_that_lists_one_site_alone_is_refused_by_it(tmp_path: Path) -> None:
    sites = Sites(tmp_path, 4, plan={})
    alone = sites.visits[0].facts.start.fingerprint
    sites.tamper = only("ask", changed({"sites": [alone]}))
    with pytest.raises(Refused, match="asks for 3"):
        sites.run()


def test_a_coordinator_that_calls_others_gone_is_refused(tmp_path: Path) -> None:
    sites = Sites(tmp_path, 4, plan={})
    alone = sites.visits[0].facts.start.fingerprint
    sites.tamper = only("open", changed({"alive": [alone]}))
    with pytest.raises(Refused, match="are needed"):
        sites.run()


def test_keys_of_the_coordinator_s_own_are_refused(tmp_path: Path) -> None:
    sites, strangers = Sites(tmp_path, 4, plan={}), tmp_path / "strangers"
    strangers.mkdir()
    other = Sites(strangers, 4, plan={})
    forged = [frames.unpack(visit.offer())[0]["claim"] for visit in other.visits.values()]

    def replaced(node: int, message: Message) -> Message:
        mine = sites.visits[node].facts.start.fingerprint
        listed = message[0]["claims"]
        assert isinstance(listed, list)
        kept = [one for one in listed if one["start"]["identity"] == _identity(sites, node)]
        return ({**message[0], "claims": [*kept, *forged], "sites": [mine]}, message[1])

    sites.tamper = only("ask", replaced)
    with pytest.raises(Refused, match="roster"):
        sites.run()


def _identity(sites: Sites, node: int) -> str:
    return sites.visits[node].facts.start.identity


def test_a_round_is_answered_once_and_opened_once(tmp_path: Path) -> None:
    sites = Sites(tmp_path, 4, plan={})
    seen: dict[str, Message] = {}

    def kept(action: str, node: int, message: Message) -> Message:
        if node == 0:
            seen[action] = message
        return message

    sites.tamper = kept
    sites.run()
    for action in ("ask", "open"):
        visit = sites.visits[0]
        with pytest.raises(Refused, match="once in a run"):
            (visit.ask if action == "ask" else visit.open)(*seen[action])
    with pytest.raises(Refused, match="once in a run"):
        sites.visits[0].offer()


def test_a_site_called_gone_is_not_asked_again_under_the_same_masks(tmp_path: Path) -> None:
    sites = Sites(tmp_path, 5, plan={"rounds": 2, "breaks": "4 0"})
    everyone = sorted(sites.names)

    def returned(node: int, message: Message) -> Message:
        return (
            {**message[0], "sites": everyone} if message[0]["round"] else message[0],
            message[1],
        )

    sites.tamper = only("ask", returned)
    with pytest.raises(Refused, match="came back"):
        sites.run()


@pytest.mark.parametrize("lost", ["a box", "a word", "all"])
def test_a_site_whose_answer_is_malformed_is_left_out(tmp_path: Path, lost: str) -> None:
    sites = Sites(tmp_path, 4, plan={})
    honest = sites.visits[3].ask

    class Broken(Visit):
        def ask(self, head: Mapping[str, object], parts: Mapping[str, bytes]) -> bytes:
            _, said = frames.unpack(honest(head, parts))
            if lost == "all":
                return b"nothing"
            said.pop(next(name for name in said if name.startswith("box ")))
            if lost == "a word":
                said["words"] = said["words"][:-1]
            return frames.pack({}, said)

    one = sites.visits[3]
    sites.visits[3] = Broken(one.facts, one.application, one.plan, one.run, one.scratch, one.settle)
    found, progress = sites.run()
    assert found == [{"total": [3, 3], "sites": 3}]
    assert progress.missing == {
        "site3": "an answer is malformed" if lost == "all" else "its answer is malformed"
    }


@pytest.mark.parametrize("number", [-1, 1_000, "0", None, True, 1.5])
def test_a_round_has_a_number(tmp_path: Path, number: object) -> None:
    sites = Sites(tmp_path, 3, plan={})
    sites.tamper = only("ask", changed({"round": number}))
    with pytest.raises(Refused, match="rounds"):
        sites.run()


@pytest.mark.parametrize("settled", [None, "all", [1], {"a": 1}])
def test_a_site_that_says_oddly_over_whom_it_sums_is_left_out(
    tmp_path: Path, settled: object
) -> None:
    sites = Sites(tmp_path, 4, plan={})
    honest = sites.visits[3].offer

    class Odd(Visit):
        def offer(self) -> bytes:
            head, parts = frames.unpack(honest())
            return frames.pack({**head, "settled": settled}, parts)

    one = sites.visits[3]
    sites.visits[3] = Odd(one.facts, Total(), one.plan, one.run, one.scratch, one.settle)
    found, progress = sites.run()
    assert found == [{"total": [3, 3], "sites": 3}]
    assert progress.missing == {"site3": "its first answer is malformed"}


def test_opening_before_asking_is_refused(tmp_path: Path) -> None:
    visit = Sites(tmp_path, 3, plan={}).visits[0]
    with pytest.raises(Refused, match="has not been done"):
        visit.open({"round": 0, "alive": []}, {})


@pytest.mark.parametrize("claims", [None, "x", [None], [{}], []])
def test_a_malformed_list_of_sites_is_refused(tmp_path: Path, claims: object) -> None:
    sites = Sites(tmp_path, 3, plan={})
    sites.tamper = only("ask", changed({"claims": claims}))
    with pytest.raises(Refused, match=r"malformed|not among"):
        sites.run()


def facts_with(tmp_path: Path, **changes: Any) -> SiteFacts:
    one = Sites(tmp_path, 3, plan={}).visits[0].facts
    named = {"applications": frozenset[str](), "configurations": None} | changes
    return SiteFacts(one.start, one.key, one.roster, one.least, one.data, **named)


def test_a_bundle_is_judged_by_all_of_its_bytes(tmp_path: Path) -> None:
    good = hashlib.sha256(b"bundle").hexdigest()
    facts = facts_with(tmp_path, applications=frozenset({good}))
    check(facts, b"bundle", "{}")
    with pytest.raises(Refused, match="application is not permitted"):
        check(facts, b"bundle ", "{}")


def test_no_application_is_permitted_where_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not permitted"):
        check(facts_with(tmp_path), b"", "{}")


def test_an_empty_set_of_configurations_permits_none(tmp_path: Path) -> None:
    good = frozenset({hashlib.sha256(b"bundle").hexdigest()})
    facts = facts_with(tmp_path, applications=good, configurations=frozenset())
    with pytest.raises(Refused, match="configuration is not permitted"):
        check(facts, b"bundle", "{}")


def test_a_message_comes_back_as_it_was_packed() -> None:
    head: dict[str, object] = {"a": 1, "b": ["x"]}
    assert frames.unpack(frames.pack(head, {"p": b"12", "q": b""})) == (
        head,
        {"p": b"12", "q": b""},
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\0", b"\0\0\0\x02{}", b"\xff\xff\xff\xff{}", b"\0\0\0\x02[]",
        json.dumps({"head": 1, "parts": []}).encode(),
        *(len(text).to_bytes(4, "big") + text for text in (
            b'{"head":[],"parts":[]}', b'{"head":{},"parts":[["a",-1]]}',
            b'{"head":{},"parts":[["a",0],["a",0]]}', b'{"head":{},"parts":[["a",9]]}',
            b'{"head":{},"parts":[[1,0]]}', b'{"head":{},"parts":5}', b'{"head":{}}', b"nothing",
            b'{"head":{},"parts":[["a",true]]}',
        )),
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="not a message"):
        frames.unpack(raw)


@pytest.mark.parametrize("value", [None, "ab", [1], {"a": 1}])
def test_what_is_no_list_of_names_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="names"):
        frames.texts(value)


@pytest.mark.parametrize("code", [0, 3, 4, 5, 6, 7, 8, 99])
def test_a_lost_site_is_spoken_of_in_our_words(code: int) -> None:
    engine = "Error: Node Unavailable \u2014 The destination node failed to report a heartbeat"
    told = lost.words(code, engine)
    assert told
    assert not any(word in told for word in ("Error", "Node", "heartbeat", "node"))


def test_what_a_site_says_itself_is_passed_on_and_capped() -> None:
    assert lost.words(2, "this configuration is not permitted here").endswith("permitted here")
    assert lost.words(1, "") == "the application failed here"
    assert len(lost.words(2, "x" * 10_000)) == lost.MAX_WORDS

"""Sites find the people all of them hold, by letters that no coordinator can read or change."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.support.engine import engine
from tests.support.federation import keys, raw
from tests.support.loopback import unused_port
from workspaces import keys as workspace_keys
from workspaces import linkage, linking
from workspaces.engine import coordinator_api, federation, letters
from workspaces.engine.coordinator_api import serving
from workspaces.engine.environment import Environment
from workspaces.engine.federation import Described, Federation
from workspaces.engine.letters import signed_text
from workspaces.engine.post import Membership, Post
from workspaces.engine.superlink import Superlink
from workspaces.errors import EngineRefused, LinkageRefused

NAMES = ["porto", "praha", "tartu"]
SITES = keys(NAMES)
KEY = b"k" * 32


def people(*numbers: int) -> tuple[str, ...]:
    return linkage.pseudonyms((f"patient-{one}" for one in numbers), KEY)


HELD = {"porto": people(*range(120)), "praha": people(*range(60, 200)),
        "tartu": people(*range(30, 110), *range(300, 320))}  # fmt: skip


@pytest.fixture
def of(tmp_path: Path) -> Federation:
    described = Described(name="t", host="localhost", port=1)
    return federation.create(tmp_path / "federation", described, raw(SITES))


class Sites:
    """Those of a federation, each at its own end of the coordinator's door."""

    def __init__(self, of: Federation) -> None:
        link = Superlink(of, Environment(Path("/nowhere"), "0" * 64))
        self._transport = httpx.ASGITransport(coordinator_api.build(link, of))
        self._roster = {name: key for key, name in of.sites.items()}

    def line(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self._transport, base_url="https://coordinator")

    def membership(self, name: str, line: httpx.AsyncClient) -> Membership:
        key = SITES[name]
        identity = key.public_key().public_bytes_raw()
        return Membership(name, self._roster, identity, key.sign, line)

    def link(
        self,
        held: Mapping[str, tuple[str, ...]],
        *,
        stated: Mapping[str, tuple[str, ...]] | None = None,
        seconds: float = 120,
    ) -> dict[str, object]:
        """What each site finds, or why it does not."""

        async def one(name: str, line: httpx.AsyncClient) -> tuple[str, ...]:
            sites = (stated or {}).get(name, tuple(held))
            me = self.membership(name, line)
            async with Post.joined(me, session="s1", sites=sites, seconds=seconds) as post:
                return await linking.link(post, held[name])

        async def everyone() -> list[object]:
            async with self.line() as line:
                each = (one(name, line) for name in held)
                return list(await asyncio.gather(*each, return_exceptions=True))

        return dict(zip(held, asyncio.run(everyone()), strict=True))


@pytest.mark.parametrize("names", [["praha", "tartu"], NAMES])
def test_all_sites_find_the_same_people_in_the_same_order(of: Federation, names: list[str]) -> None:
    held = {name: HELD[name] for name in names}
    common = tuple(sorted(set.intersection(*(set(one) for one in held.values()))))
    assert len(common) == 50
    assert Sites(of).link(held) == dict.fromkeys(names, common)


def test_the_coordinator_keeps_nothing_it_could_read(of: Federation) -> None:
    Sites(of).link(HELD)
    kept = [place.read_bytes() for place in (of.folder / "letters").glob("*/*")]
    assert len(kept) == 6 + 2 * 3  # each one's key to each, then question, answer and result
    for one in people(*range(320)):
        assert not any(one.encode() in text or bytes.fromhex(one) in text for text in kept)
    sealed = [text for text in kept if not text.startswith(b'{"identity"')]
    assert len(sealed) == 6
    assert not any(b"setup" in text or b"parts" in text for text in sealed)


@pytest.mark.parametrize("names", [["porto", "praha"], NAMES])
def test_too_few_in_common_are_told_to_nobody(of: Federation, names: list[str]) -> None:
    held = {name: HELD[name] for name in names} | {"praha": people(*range(110, 300))}
    for found in Sites(of).link(held).values():
        assert isinstance(found, LinkageRefused)
        assert "fewer than 20" in str(found)


def test_a_site_that_does_not_come_is_not_waited_for_for_ever(of: Federation) -> None:
    found = Sites(of).link(
        {"praha": HELD["praha"]}, stated={"praha": ("porto", "praha")}, seconds=1
    )
    assert "porto did not answer in time" in str(found["praha"])


def test_sites_that_state_other_sites_do_not_link(of: Federation) -> None:
    stated = {"porto": ("porto", "praha", "tartu"), "praha": ("porto", "praha")}
    held = {name: HELD[name] for name in stated}
    found = Sites(of).link(held, stated=stated)
    assert isinstance(found["praha"], LinkageRefused)
    assert "not signed for this session and these sites" in str(found["praha"])


@pytest.mark.parametrize("sites", [("praha",), ("porto", "tartu"), ("praha", "nowhere"),
                                   ("praha", "praha")])  # fmt: skip
def test_a_site_links_with_others_of_its_roster(of: Federation, sites: tuple[str, ...]) -> None:
    me = Sites(of)
    with pytest.raises(LinkageRefused, match="two sites of the roster"):
        Post(me.membership("praha", me.line()), session="s", sites=sites, seconds=1)


def forging(of: Federation, forged: bytes, *, number: int) -> object:
    """What praha gets where the coordinator puts something else in place of porto's letter."""
    sites = Sites(of)
    roster = {name: key for key, name in of.sites.items()}
    place = of.folder / "letters" / "s1" / f"{roster['porto']}-{roster['praha']}-{number}"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(forged)

    async def one() -> bytes:
        async with sites.line() as line:
            me, other = sites.membership("praha", line), sites.membership("porto", line)
            if number:
                await Post(other, session="s1", sites=("porto", "praha"), seconds=5)._put(
                    "praha",
                    0,
                    Post(other, session="s1", sites=("porto", "praha"), seconds=5)._hello(),
                )
            async with Post.joined(me, session="s1", sites=("porto", "praha"), seconds=5) as post:
                return await post.receive("porto", number)

    try:
        return asyncio.run(one())
    except (LinkageRefused, EngineRefused) as refused:
        return refused


def test_a_key_of_the_coordinator_s_own_is_refused(of: Federation) -> None:
    stranger = keys(["x"])["x"]
    public, identity = secrets.token_hex(32), stranger.public_key().public_bytes_raw().hex()
    text = "\0".join(["skerry session", "s1", "porto", "praha", "porto", public]).encode()
    signed = {"identity": identity, "public": public, "signature": stranger.sign(text).hex()}
    found = forging(of, json.dumps(signed).encode(), number=0)
    assert "not of the roster's identity" in str(found)
    honest = SITES["porto"].public_key().public_bytes_raw().hex()
    (of.folder / "letters").rename(of.folder / "old")
    found = forging(of, json.dumps({**signed, "identity": honest}).encode(), number=0)
    assert "is not signed" in str(found)


@pytest.mark.parametrize("letter", [b"", b"x" * 11, b"x" * 200, b"[]", b"{}"])
def test_a_letter_that_was_not_sealed_to_this_site_is_refused(
    of: Federation, letter: bytes
) -> None:
    assert "not sealed to this site" in str(forging(of, letter, number=1))
    (of.folder / "letters").rename(of.folder / "old")
    assert "is not signed" in str(forging(of, letter, number=0))


def test_a_leader_can_tell_of_no_others_and_of_no_fewer(of: Federation) -> None:
    own = HELD["praha"]
    good = list(own[:30])
    assert linking._told(json.dumps(good).encode(), own) == tuple(good)
    for told in (good[:19], [*good, "0" * 64], good[::-1], [*good, good[-1]], {"a": 1}, [1] * 30):
        with pytest.raises(LinkageRefused):
            linking._told(json.dumps(told).encode(), own)


def test_a_linked_table_has_the_rows_in_common_under_pseudonyms_in_their_order() -> None:
    lines = ["id\tage\tsex", *(f"patient-{one}\t{one}\t0" for one in range(5))]
    common = people(1, 3)
    table = linking.linked_table(lines, KEY, common).splitlines()
    assert table[0] == "person\tage\tsex"
    assert [row.split("\t")[0] for row in table[1:]] == list(common)
    assert sorted(row.split("\t")[1] for row in table[1:]) == ["1", "3"]
    assert "patient" not in "".join(table)
    with pytest.raises(LinkageRefused, match="not the one"):
        linking.linked_table(lines, KEY, people(1, 7))
    with pytest.raises(LinkageRefused, match="fields"):
        linking.linked_table([*lines, "patient-9\t1"], KEY, common)


# The coordinator's door


def signed(
    name: str, method: str, path: str, content: bytes = b"", **changes: str
) -> dict[str, str]:
    key = SITES[name]
    told = {"digest": hashlib.sha256(content).hexdigest(), "at": str(int(time.time())),
            "nonce": secrets.token_hex(16), **changes}  # fmt: skip
    text = signed_text(method, path, digest=told["digest"], at=int(told["at"]), nonce=told["nonce"])
    return {
        "x-skerry-identity": key.public_key().public_bytes_raw().hex(),
        "x-skerry-signature": changes.get("signature", key.sign(text).hex()),
        **{f"x-skerry-{member}": told[member] for member in ("digest", "at", "nonce")},
    }


def asked(
    of: Federation, name: str, method: str, path: str, content: bytes = b"", **changes: str
) -> httpx.Response:
    headers = signed(name, method, path, content, **changes)

    async def ask() -> httpx.Response:
        async with Sites(of).line() as line:
            return await line.request(method, path, content=content, headers=headers)

    return asyncio.run(ask())


def path(of: Federation, name: str, number: int = 1, session: str = "s1") -> str:
    roster = {known: key for key, known in of.sites.items()}
    return f"/letters/{session}/{roster[name]}/{number}"


def test_a_letter_is_its_receiver_s_alone_and_written_once(of: Federation) -> None:
    assert asked(of, "praha", "POST", path(of, "tartu"), b"sealed").status_code == 200
    assert asked(of, "praha", "POST", path(of, "tartu"), b"sealed").status_code == 200
    assert asked(of, "praha", "POST", path(of, "tartu"), b"other").status_code == 409
    assert asked(of, "tartu", "GET", path(of, "praha")).content == b"sealed"
    assert asked(of, "porto", "GET", path(of, "praha")).status_code == 404
    assert asked(of, "praha", "GET", path(of, "tartu")).status_code == 404


def test_a_letter_nobody_may_send_is_refused(of: Federation) -> None:
    to = path(of, "tartu")
    refused = {
        "a changed body": asked(of, "praha", "POST", to, b"a", digest="0" * 64),
        "another time": asked(of, "praha", "POST", to, b"a", at="1"),
        "no signature": asked(of, "praha", "POST", to, b"a", signature="0" * 128),
        "no form": asked(of, "praha", "POST", to, b"a", nonce="x"),
        "to itself": asked(of, "praha", "POST", path(of, "praha"), b"a"),
        "to nobody": asked(of, "praha", "POST", f"/letters/s1/{'0' * 64}/1", b"a"),
        "a number": asked(of, "praha", "POST", path(of, "tartu", 16), b"a"),
        "a session": asked(of, "praha", "POST", path(of, "tartu", 1, ".."), b"a"),
    }
    codes = {why: answer.status_code for why, answer in refused.items()}
    assert codes == {"a changed body": 400, "another time": 403, "no signature": 403,
                     "no form": 400, "to itself": 404, "to nobody": 404, "a number": 404,
                     "a session": 404}  # fmt: skip
    assert not list((of.folder / "letters").glob("*/*"))


def test_a_stranger_sends_nothing(of: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    to = path(of, "tartu")
    monkeypatch.setitem(SITES, "praha", keys(["x"])["x"])
    answer = asked(of, "praha", "POST", to, b"a")
    assert (answer.status_code, "no site" in answer.json()["message"]) == (403, True)


def test_letters_are_capped_and_end_with_the_day(
    of: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "MAX_WAITING", 2)
    for number in (1, 2):
        assert asked(of, "praha", "POST", path(of, "tartu", number), b"a").status_code == 200
    assert asked(of, "praha", "POST", path(of, "tartu", 3), b"a").status_code == 429
    monkeypatch.setattr(letters, "KEPT_SECONDS", -1)
    assert asked(of, "praha", "POST", path(of, "tartu", 3), b"a").status_code == 200
    monkeypatch.setattr(letters, "MAX_LETTER", 3)
    assert asked(of, "praha", "POST", path(of, "tartu", 4), b"abcd").status_code == 413


def test_letters_that_arrive_at_once_are_capped_as_those_that_lie_there(
    of: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them are under way before the first is whole, so that none is on the other side."""
    monkeypatch.setattr(letters, "MAX_WAITING", 2)
    all_wait = asyncio.Event()

    async def slowly(content: bytes) -> AsyncIterator[bytes]:
        await all_wait.wait()
        yield content

    async def send() -> list[int]:
        async with Sites(of).line() as line:
            sent = []
            for number in (1, 2, 3, 4):
                to = path(of, "tartu", number, session=f"s{number}")
                headers = signed("praha", "POST", to, b"a") | {"content-length": "1"}
                asking = line.request("POST", to, content=slowly(b"a"), headers=headers)
                sent.append(asyncio.ensure_future(asking))
            refused, _ = await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
            assert {one.result().status_code for one in refused} == {429}
            all_wait.set()
            return sorted([answer.status_code for answer in await asyncio.gather(*sent)])

    assert asyncio.run(send()) == [200, 200, 429, 429]
    lying = [place.name for place in (of.folder / "letters").glob("*/*")]
    assert len(lying) == 2
    assert not any("." in name for name in lying)


def test_bytes_that_arrive_at_once_are_capped_too(
    of: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "MAX_WAITING_BYTES", 3)
    assert asked(of, "praha", "POST", path(of, "tartu", 1), b"abc").status_code == 200
    assert asked(of, "praha", "POST", path(of, "tartu", 2), b"a").status_code == 429
    assert asked(of, "porto", "POST", path(of, "tartu", 1), b"abc").status_code == 200


def test_sessions_without_letters_leave_no_folders(
    of: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "MAX_WAITING", 1)
    assert asked(of, "praha", "POST", path(of, "tartu", 1), b"a").status_code == 200
    for number in range(5):
        more = path(of, "tartu", 1, session=f"more{number}")
        assert asked(of, "praha", "POST", more, b"a").status_code == 429
        changed = path(of, "tartu", 1, session=f"changed{number}")
        answer = asked(of, "porto", "POST", changed, b"a", digest="0" * 64)
        assert answer.status_code == 400
    assert asked(of, "porto", "POST", path(of, "tartu", 1), b"a").status_code == 200
    assert [one.name for one in (of.folder / "letters").iterdir()] == ["s1"]


@pytest.mark.live
@pytest.mark.program("bwrap")
@pytest.mark.anyio
async def test_three_sites_link_by_the_command(tmp_path: Path) -> None:
    environment = engine()
    identities = {}
    for name in NAMES:
        identities[name] = workspace_keys.init(tmp_path / name, name).identity_key
        rows = [f"patient-{one}\t{one}" for one in {"porto": range(120), "praha": range(60, 200),
                                                    "tartu": range(30, 110)}[name]]  # fmt: skip
        (tmp_path / f"{name}.tsv").write_text("\n".join([f"id\t{name}", *rows]) + "\n")
    (tmp_path / "key").write_text(KEY.hex())
    port = unused_port()
    described = Described(name="t", host="localhost", port=port)
    of = federation.create(tmp_path / "federation", described, identities)

    def link(name: str) -> subprocess.Popen[bytes]:
        line = ["fl", "link", tmp_path / name, "--session", "s1", "--key-file", tmp_path / "key"]
        line += ["--federation", of.folder / "bundles" / f"{name}.json"]
        line += ["--table", tmp_path / f"{name}.tsv", "--output", tmp_path / f"{name}-linked.tsv"]
        line += [word for one in NAMES for word in ("--site", one)]
        whole = [sys.executable, "-m", "gateway", *map(str, line)]
        return subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    async with serving(of, environment, listen="127.0.0.1"):
        started = [link(name) for name in NAMES]
        told = [(await asyncio.to_thread(one.communicate, timeout=300))[0] for one in started]
    assert all(b"50 people are in common of 3 sites" in one for one in told), told
    tables = [(tmp_path / f"{name}-linked.tsv").read_text().splitlines() for name in NAMES]
    columns = [[row.split("\t")[0] for row in table[1:]] for table in tables]
    assert columns[0] == columns[1] == columns[2] == list(people(*range(60, 110)))

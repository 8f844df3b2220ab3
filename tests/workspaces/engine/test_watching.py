"""Whoever looks on at a coordinator: what is told, to whom, and that nothing else is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.federation import keys, raw
from tests.workspaces.engine.test_coordinator_api import Line, submitted
from workspaces.engine import bundle, federation, watching
from workspaces.engine.environment import Environment
from workspaces.engine.federation import Described, Federation, Role
from workspaces.engine.following import Following
from workspaces.engine.kept_runs import INTERRUPTED, KeptRuns
from workspaces.engine.port import RunState, RunStatus
from workspaces.engine.superlink import Superlink
from workspaces.errors import EngineRefused, NodeSilent

READS = ["/federations", "/sites", "/runs", "/runs/7", "/runs/7/events"]
ORDERS = [("POST", "/runs"), ("GET", "/runs/7/log"), ("GET", "/runs/7/result"),
          ("POST", "/runs/7/stop"), ("POST", "/runs/7/again")]  # fmt: skip


@pytest.fixture
def of(tmp_path: Path) -> Federation:
    described = Described(name="t", host="localhost", port=1)
    names = raw(keys(["praha", "tartu", "porto"]))
    return federation.create(tmp_path / "federation", described, names)


@pytest.fixture
def line(of: Federation) -> Line:
    return Line(of)


@pytest.fixture
def kept(of: Federation) -> KeptRuns:
    return KeptRuns(of.folder / "runs")


def bearer(of: Federation, role: Role, name: str = "portal") -> dict[str, str]:
    return {"Authorization": f"Bearer {federation.new_token(of, name, role=role)}"}


def led(of: Federation, run: str, **shown: object) -> None:
    """As `federated.rounds` writes it."""
    place = of.folder / "runs" / run
    place.mkdir(exist_ok=True)
    (place / "status.json").write_text(json.dumps(shown))


@pytest.mark.parametrize("role", list(Role))
def test_both_kinds_of_token_read_what_became_of_a_run(
    of: Federation, line: Line, kept: KeptRuns, role: Role
) -> None:
    kept.begin("7", application="gwas 1.0", now=100)
    budget = {"praha": {"bytes": 10, "until": 900, "used": 4}}
    opened = [{"about": "association", "sites": 2}]
    led(of, "7", round="association", present=["praha"], missing={"tartu": "not connected"},
        sums=1, rounds=opened, budgets=budget)  # fmt: skip
    kept.end("7", RunState.FAILED, reason="one site is left", now=160)
    expected = {
        "run": "7", "state": "failed", "round": "association", "present": ["praha"],
        "missing": {"tartu": "not connected"}, "reason": "one site is left",
        "application": "gwas 1.0", "submitted": 100, "ended": 160, "sums": 1, "rounds": opened,
        "budgets": budget, "again": "", "resumes": False,
    }  # fmt: skip
    headers = bearer(of, role)
    assert line.request("GET", "/runs/7", headers=headers).json() == expected
    assert line.request("GET", "/runs", headers=headers).json() == {"runs": [expected]}
    events = line.request("GET", "/runs/7/events", headers=headers)
    assert events.headers["content-type"].startswith("text/event-stream")
    name, data = events.text.strip().split("\n")
    assert (name, json.loads(data.removeprefix("data: "))) == ("event: status", expected)


def test_runs_are_listed_from_the_newest(of: Federation, line: Line, kept: KeptRuns) -> None:
    for run, at in (("3", 10), ("1", 30), ("2", 20)):
        kept.begin(run, application="summary 1.0", now=at)
        kept.end(run, RunState.STOPPED, reason="", now=at + 1)
    told = line.request("GET", "/runs", headers=bearer(of, Role.VIEW)).json()["runs"]
    assert [one["run"] for one in told] == ["1", "2", "3"]


@pytest.mark.parametrize(("method", "path"), ORDERS)
def test_whoever_looks_on_gives_no_order_and_sees_no_result(
    of: Federation, line: Line, method: str, path: str
) -> None:
    content = submitted(bundle.bundle("summary").content) if path == "/runs" else b""
    answer = line.request(method, path, content=content, headers=bearer(of, Role.VIEW))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "to look on with" in answer.json()["message"]


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nobody", "Basic nobody"])
def test_without_a_token_nothing_is_told(line: Line, path: str, header: str) -> None:
    headers = {"Authorization": header} if header else {}
    assert line.request("GET", path, headers=headers).status_code == 401


@pytest.mark.parametrize("role", list(Role))
def test_a_revoked_token_is_good_for_nothing(of: Federation, line: Line, role: Role) -> None:
    headers = bearer(of, role, "eva")
    assert line.request("GET", "/runs", headers=headers).status_code == 200
    assert federation.revoke(of, "eva")
    assert line.request("GET", "/runs", headers=headers).status_code == 401
    assert not federation.revoke(of, "eva")


def test_one_name_s_tokens_are_of_their_own_kind(of: Federation) -> None:
    look, act = (federation.new_token(of, "eva", role=role) for role in (Role.VIEW, Role.SUBMIT))
    assert federation.person_of(of, look) is None
    assert federation.person_of(of, act, role=Role.VIEW) is None
    assert federation.person_of(of, look, role=Role.VIEW) == "eva"
    for name in Role:
        text = (of.folder / name).read_text()
        assert look not in text
        assert act not in text
        assert (of.folder / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("path", ["/runs/8", "/runs/8/events"])
def test_a_run_nobody_submitted_is_not_there(of: Federation, line: Line, path: str) -> None:
    assert line.request("GET", path, headers=bearer(of, Role.VIEW)).status_code == 404


def test_only_so_many_listen_at_a_time(
    of: Federation, line: Line, kept: KeptRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.begin("7", application="gwas 1.0", now=1)
    kept.end("7", RunState.DONE, reason="", now=2)
    monkeypatch.setattr(watching, "MAX_LISTENING", 0)
    answer = line.request("GET", "/runs/7/events", headers=bearer(of, Role.VIEW))
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many")


def test_what_an_earlier_coordinator_left_open_was_interrupted(
    of: Federation, kept: KeptRuns
) -> None:
    """Whatever was kept of it: its submission, its first words, or its whole result."""
    kept.begin("1", application="gwas 1.0", now=10)
    led(of, "2", round="sites look at their data", present=["praha"])
    kept.begin("3", application="gwas 1.0", now=10)
    (of.folder / "runs" / "3" / "result.json").write_text('{"candidates":[{"kind":"table"}]}')
    kept.begin("4", application="gwas 1.0", now=10)
    kept.end("4", RunState.STOPPED, reason="", now=11)
    assert kept.interrupt_open(now=50) == 3
    found = {run: kept.status(run, RunState.RUNNING) for run in "1234"}
    states = {run: (one.state, one.ended) for run, one in found.items() if one}
    assert states == {"1": (RunState.INTERRUPTED, 50), "2": (RunState.INTERRUPTED, 50),
                      "3": (RunState.DONE, 50), "4": (RunState.STOPPED, 11)}  # fmt: skip
    assert found["2"] is not None
    assert (found["2"].reason, found["2"].present) == (INTERRUPTED, ("praha",))
    assert kept.interrupt_open(now=60) == 0


def test_the_first_end_of_a_run_stays(kept: KeptRuns) -> None:
    kept.begin("1", application="gwas 1.0", now=10)
    kept.end("1", RunState.INTERRUPTED, reason="gone", now=20)
    kept.end("1", RunState.DONE, reason="", now=30)
    found = kept.status("1", RunState.DONE)
    assert found is not None
    assert (found.state, found.reason, found.ended) == (RunState.INTERRUPTED, "gone", 20)


@pytest.mark.parametrize(
    ("state", "digest", "words"),
    [
        (RunState.DONE, "a" * 64, "Run 1 is done"),
        (RunState.INTERRUPTED, "", "Nothing is kept of how run 1 was submitted"),
        (RunState.INTERRUPTED, "a" * 64, "is not admitted here"),
        (RunState.STOPPED, "../../etc", "is not admitted here"),
    ],
)
def test_only_a_run_that_ended_early_and_is_known_whole_goes_again(
    of: Federation, line: Line, kept: KeptRuns, state: RunState, digest: str, words: str
) -> None:
    kept.begin("1", application="gwas 1.0", now=10, digest=digest, plan="{}")
    kept.end("1", state, reason="", now=20)
    answer = line.post("/runs/1/again", headers=bearer(of, Role.SUBMIT))
    assert answer.status_code in {400, 403, 409, 422}
    assert words in answer.json()["message"]
    assert line.post("/runs/2/again", headers=bearer(of, Role.SUBMIT)).status_code == 404
    assert line.post("/runs/x/again", headers=bearer(of, Role.SUBMIT)).status_code >= 400
    assert kept.newest() == ["1"]


def test_a_second_coordinator_of_one_folder_is_refused_and_changes_nothing(
    of: Federation, kept: KeptRuns
) -> None:
    kept.begin("1", application="gwas 1.0", now=10)

    async def start() -> None:
        absent = Environment(Path("/nowhere"), "0" * 64)
        first = Superlink(of, absent)
        first._hold(of.folder)
        with pytest.raises(EngineRefused, match="serves federation already"):
            async with Superlink.started(of, absent):
                pass
        await first._end()

    asyncio.run(start())
    assert not kept.ended("1")


def test_all_who_wait_hear_the_news_of_one_look() -> None:
    looked: list[str] = []
    states = iter([RunState.WAITING, RunState.RUNNING, RunState.DONE])

    async def look(run: str) -> RunStatus:
        looked.append(run)
        return RunStatus(run, next(states))

    async def hear(following: Following) -> list[RunState]:
        heard: list[RunState] = []
        seen = None
        while not heard or not heard[-1].ended:
            seen = await following.changed("1", seen, seconds=60)
            assert seen is not None
            heard.append(seen.state)
        return heard

    async def all_of_them() -> list[list[RunState]]:
        following = Following(look)
        following.add("1")
        async with following.going_on():
            return await asyncio.gather(*(hear(following) for _ in range(20)))

    heard = asyncio.run(all_of_them())
    assert [one[-1] for one in heard] == [RunState.DONE] * 20
    assert looked == ["1"] * 3


def test_no_news_is_told_as_none() -> None:
    async def never(run: str) -> RunStatus:
        return RunStatus(run, RunState.RUNNING)

    async def ask() -> RunStatus | None:
        following = Following(never)
        following.add("1")
        return await following.changed("1", None, seconds=0.01)

    assert asyncio.run(ask()) is None


def test_a_status_comes_back_as_it_was_told() -> None:
    status = RunStatus(
        "7", RunState.RUNNING, "a", ("x",), {"y": "gone"}, sums=2,
        rounds=({"about": "a", "sites": 3},), budgets={"x": {"used": 1}},
    )  # fmt: skip
    assert RunStatus.of_document({**status.document(), "new": 1}) == status
    with pytest.raises(ValueError, match="lost"):
        RunStatus.of_document({**status.document(), "state": "lost"})


@pytest.mark.parametrize("error", [EngineRefused("away"), NodeSilent("away")])
def test_an_engine_that_is_away_for_a_moment_is_asked_again(error: Exception) -> None:
    answers: Iterator[Exception | RunStatus] = iter([error, RunStatus("1", RunState.DONE)])

    async def look(run: str) -> RunStatus:
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    async def ask() -> RunStatus | None:
        following = Following(look)
        following.add("1")
        async with following.going_on():
            return await following.changed("1", None, seconds=60)

    assert asyncio.run(ask()) == RunStatus("1", RunState.DONE)


def test_a_run_that_cannot_be_read_ends_the_following_of_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A full disk, or words of a run that are none, came up in the task that looks for all."""
    looked: list[str] = []

    async def look(run: str) -> RunStatus:
        looked.append(run)
        if run == "1" and looked.count("1") < 3:
            raise OSError(28, "No space left on device")
        return RunStatus(run, RunState.DONE)

    async def ask() -> list[RunStatus | None]:
        following = Following(look)
        following.add("1")
        following.add("2")
        async with following.going_on():
            return [await following.changed(run, None, seconds=60) for run in ("2", "1")]

    assert asyncio.run(ask()) == [RunStatus(run, RunState.DONE) for run in ("2", "1")]
    assert [record.getMessage() for record in caplog.records if "run 1" in record.getMessage()] == [
        "run 1 cannot be followed just now"
    ]


def test_those_let_in_at_once_are_no_more_than_may_listen(
    of: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each was let in while none listened yet."""
    monkeypatch.setattr(watching, "MAX_LISTENING", 2)

    async def look(run: str) -> RunStatus:
        return RunStatus(run, RunState.RUNNING)

    async def begin() -> list[bytes]:
        link = Superlink(of, Environment(Path("/nowhere"), "0" * 64))
        link.following = Following(look)
        listening: set[object] = set()
        news = [watching._news(link, "7", listening, still_allowed=lambda: None) for _ in range(5)]
        first = [await anext(one, b"") for one in news]
        assert len(listening) == 2
        for one in news:
            await one.aclose()
        assert not listening
        return first

    said = asyncio.run(begin())
    assert [one.startswith(b"event: status") for one in said] == [True] * 2 + [False] * 3
    assert said[2:] == [b""] * 3

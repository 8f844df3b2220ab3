"""Numbered policy versions: immutable, chained, switched while a node runs, and on record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.errors import NoSuchVersion, PolicyInvalid, RecordUnavailable
from access.policies.decision import Action
from access.policies.live import LivePolicies
from access.policies.versions import Activation, PolicyVersions
from access.record.audit import RecordFile

URL = "https://node.example"
NOW = 1_800_000_000


def file_of(level: str, *, expect: str | None = None) -> bytes:
    text = f'version: "1"\ndatasets: [{{id: heart, level: {level}}}]\n'
    if expect is not None:
        text += "tests:\n  - given: {persona: anonymous, dataset: heart}\n"
        text += f"    expect: {{outcome: {expect}}}\n"
    return text.encode()


PUBLIC, CLOSED = file_of("public"), file_of("controlled")


@dataclass
class Folder:
    root: Path
    versions: PolicyVersions = field(init=False)

    def __post_init__(self) -> None:
        self.versions = PolicyVersions(self.root / "policies", public_url=URL)
        (self.root / "policies.yaml").write_bytes(PUBLIC)
        self.record = RecordFile(
            self.root / "record.jsonl",
            pseudonym_key=b"p" * 32,
            signing_key=Ed25519PrivateKey.generate(),
        )

    def activate(self, raw: bytes, reason: str = "as agreed") -> Activation:
        return self.versions.activate(
            raw, name="draft", author="adam@example", reason=reason, now=NOW
        )

    def live(self) -> LivePolicies:
        return LivePolicies(
            self.versions,
            draft=self.root / "policies.yaml",
            public_url=URL,
            record=self.record,
        )

    def recorded(self) -> list[dict[str, object]]:
        lines = (self.root / "record.jsonl").read_text().splitlines()
        entries = [json.loads(line) for line in lines]
        return [one["facts"] for one in entries if one["kind"] == "policy.activated"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    made.record.close()


def public(book: LivePolicies) -> bool:
    return book.decide(None, "heart", Action.DISCOVER, now=NOW).allowed


# Versions


def test_nothing_is_in_force_before_the_first_activation(folder: Folder) -> None:
    assert folder.versions.active() is None
    assert folder.versions.history() == ()
    with pytest.raises(NoSuchVersion):
        folder.versions.read(1)
    with pytest.raises(NoSuchVersion):
        folder.versions.roll_back(to=None, author="a", reason="r", now=NOW)


def test_versions_are_numbered_with_author_reason_and_hash(folder: Folder) -> None:
    first = folder.activate(PUBLIC, "open day")
    second = folder.activate(CLOSED)
    assert (first.number, second.number) == (1, 2)
    assert (first.author, first.reason, first.at, first.cause) == (
        "adam@example",
        "open day",
        NOW,
        "activate",
    )
    assert second.previous == first.hash
    assert folder.versions.active() == second
    assert folder.versions.read(1).book.version == f"v1+{first.sha256[:12]}"


def test_the_same_bytes_keep_their_number(folder: Folder) -> None:
    folder.activate(PUBLIC)
    folder.activate(CLOSED)
    assert folder.activate(PUBLIC).number == 1
    assert [entry.number for entry in folder.versions.history()] == [1, 2, 1]


def test_rolling_back_puts_the_former_version_in_force(folder: Folder) -> None:
    folder.activate(PUBLIC)
    folder.activate(CLOSED)
    back = folder.versions.roll_back(to=None, author="a", reason="wrong", now=NOW + 1)
    assert (back.number, back.cause) == (1, "rollback")
    again = folder.versions.roll_back(to=2, author="a", reason="right", now=NOW + 2)
    assert again.number == 2
    with pytest.raises(NoSuchVersion):
        folder.versions.roll_back(to=3, author="a", reason="r", now=NOW)


def test_a_file_whose_tests_fail_gets_no_number(folder: Folder) -> None:
    folder.activate(PUBLIC)
    with pytest.raises(PolicyInvalid, match=r"tests\.1: expected permit, got deny"):
        folder.activate(file_of("controlled", expect="permit"))
    assert [entry.number for entry in folder.versions.history()] == [1]
    assert not (folder.root / "policies" / "000002.yaml").exists()


@pytest.mark.parametrize(
    ("author", "reason"), [("", "r"), ("a", " "), ("a", "x" * 501), ("a", "two\nlines")]
)
def test_an_activation_says_who_and_why(folder: Folder, author: str, reason: str) -> None:
    with pytest.raises(PolicyInvalid, match="expected one line"):
        folder.versions.activate(PUBLIC, name="d", author=author, reason=reason, now=NOW)


def test_a_version_changed_after_numbering_is_not_read(folder: Folder) -> None:
    folder.activate(PUBLIC)
    path = folder.root / "policies" / "000001.yaml"
    assert path.stat().st_mode & 0o222 == 0
    path.chmod(0o600)
    path.write_bytes(CLOSED)
    with pytest.raises(PolicyInvalid, match="not the file that was numbered"):
        folder.versions.read(1)


@pytest.mark.parametrize("harm", ["alter", "remove", "reorder", "garbage", "foreign"])
def test_a_log_that_was_changed_is_refused(folder: Folder, harm: str) -> None:
    for raw in (PUBLIC, CLOSED, PUBLIC):
        folder.activate(raw)
    lines = folder.versions.log.read_text().splitlines()
    changed = {
        "alter": [lines[0].replace("as agreed", "as ordered"), *lines[1:]],
        "remove": lines[1:],
        "reorder": [lines[1], lines[0], lines[2]],
        "garbage": [*lines, "{}"],
        "foreign": [*lines, "["],
    }[harm]
    folder.versions.log.write_text("\n".join(changed))
    with pytest.raises(PolicyInvalid, match="altered, removed or reordered"):
        folder.versions.active()


@pytest.mark.parametrize(("number", "at"), [("1", 0), (1, "now"), (1.5, 0)])
def test_an_entry_of_another_form_is_refused_although_its_hash_fits(
    folder: Folder, number: object, at: object
) -> None:
    entry = asdict(folder.activate(PUBLIC)) | {"number": number, "at": at}
    entry["hash"] = Activation(**entry).computed_hash()
    folder.versions.log.write_text(json.dumps(entry) + "\n")
    with pytest.raises(PolicyInvalid, match="altered, removed or reordered"):
        folder.versions.active()


def test_a_log_that_cannot_be_read_or_has_no_room_is_refused(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("access.policies.versions.MAX_LOG_BYTES", 10)
    with pytest.raises(PolicyInvalid, match="would be larger"):
        folder.activate(PUBLIC)
    folder.versions.log.mkdir()
    with pytest.raises(PolicyInvalid, match="can't be read"):
        folder.versions.history()


def test_a_log_that_vanishes_leaves_a_running_node_as_it_is(folder: Folder) -> None:
    folder.activate(CLOSED)
    book = folder.live()
    folder.versions.log.unlink()
    assert not book.refresh()
    assert not public(book)


def test_what_a_crash_left_before_the_log_was_written_is_no_version(folder: Folder) -> None:
    folder.activate(PUBLIC)
    (folder.root / "policies" / "000002.yaml").write_bytes(b"half a file")
    assert folder.activate(CLOSED).number == 2
    assert folder.versions.read(2).sha256 == folder.activate(CLOSED).sha256


# The running node


def test_a_node_runs_on_its_file_until_a_version_is_activated(folder: Folder) -> None:
    book = folder.live()
    assert public(book)
    assert not book.refresh()
    folder.activate(CLOSED)
    assert public(book)
    assert book.refresh()
    assert not public(book)
    assert book.version.startswith("v1+")
    assert not book.refresh()


def test_a_started_node_takes_the_version_in_force_not_the_draft(folder: Folder) -> None:
    folder.activate(CLOSED)
    assert not public(folder.live())


def test_a_request_sees_one_version_throughout(folder: Folder) -> None:
    book = folder.live()
    during = book.consult(None, Action.DISCOVER, now=NOW)
    folder.activate(CLOSED)
    book.refresh()
    assert during.decide(None, "heart", Action.DISCOVER, now=NOW).allowed
    assert not book.consult(None, Action.DISCOVER, now=NOW).may_know(None, "none", now=NOW)
    assert not public(book)


def test_a_version_that_cannot_be_used_leaves_the_former_in_force(folder: Folder) -> None:
    book = folder.live()
    folder.activate(CLOSED)
    path = folder.root / "policies" / "000001.yaml"
    path.chmod(0o600)
    path.write_bytes(b"broken: true")
    with pytest.raises(PolicyInvalid):
        book.refresh()
    assert public(book)
    path.write_bytes(CLOSED)
    assert book.refresh()
    assert not public(book)


def test_every_change_is_on_record_before_it_holds(folder: Folder) -> None:
    book = folder.live()
    entry = folder.activate(CLOSED)
    book.refresh()
    start, change = folder.recorded()
    assert (start["cause"], start["policy_version"]) == ("start", book_version(PUBLIC))
    assert (change["cause"], change["number"], change["sha256"]) == ("activate", 1, entry.sha256)
    assert change["log_entry"] == entry.hash
    assert change["author"] == folder.record.pseudonym("adam@example")
    assert "adam" not in (folder.root / "record.jsonl").read_text()


def book_version(raw: bytes) -> str:
    return f"1+{hashlib.sha256(raw).hexdigest()[:12]}"


def test_what_cannot_be_recorded_does_not_come_into_force(folder: Folder) -> None:
    book = folder.live()
    folder.activate(CLOSED)
    folder.record.close()
    with pytest.raises(RecordUnavailable):
        book.refresh()
    assert public(book)


def test_a_live_book_answers_as_the_book_it_holds(folder: Folder) -> None:
    folder.activate(CLOSED)
    book, held = folder.live(), folder.versions.read(1).book
    assert book.datasets() == held.datasets()
    assert book.policy("heart") == held.policy("heart")
    assert book.may_know(None, "heart", now=NOW)
    assert book.current().version == held.version
    assert book.reached(None, now=NOW) == held.reached(None, now=NOW)
    book.keep_facts(NOW)  # there are none to keep
    for action in Action:
        asked = (None, "heart", action)
        assert book.decide(*asked, now=NOW) == held.decide(*asked, now=NOW)
        assert book.weigh(*asked, now=NOW) == held.weigh(*asked, now=NOW)

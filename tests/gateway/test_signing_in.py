"""`skerry login` keeps what it was given to its owner; the flow itself is passports/device."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import signing_in
from gateway.errors import Exit
from tests.support.command import skerry


def test_a_token_is_kept_0600_whatever_was_there_before(tmp_path: Path) -> None:
    path = tmp_path / "token.txt"
    path.write_text("old", encoding="ascii")
    path.chmod(0o644)
    signing_in.keep("a.b.c", path)
    assert path.read_text(encoding="ascii") == "a.b.c\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    elsewhere, path = tmp_path / "shared.txt", tmp_path / "token.txt"
    elsewhere.write_text("mine", encoding="ascii")
    path.symlink_to(elsewhere)
    signing_in.keep("a.b.c", path)
    assert elsewhere.read_text(encoding="ascii") == "mine"
    assert not path.is_symlink()


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "token.txt").mkdir()
    with pytest.raises(OSError, match="directory"):
        signing_in.keep("a.b.c", tmp_path / "token.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["token.txt"]


@pytest.mark.parametrize(
    ("issuer", "folder", "code"),
    [
        ("http://login.example", "", Exit.UNREACHABLE),
        ("https://login.example", "no", Exit.BAD_INPUT),
    ],
)
def test_an_unsafe_provider_or_a_missing_folder_is_refused_before_anything_is_asked(
    tmp_path: Path, issuer: str, folder: str, code: Exit
) -> None:
    ran = skerry(
        "login", "--issuer", issuer, "--client-id", "cli",
        "--token-file", tmp_path / folder / "token.txt",
    )  # fmt: skip
    assert ran.code == code
    assert ran.out == ""

"""A file brought into the import folder through the admin's page: streamed, whole or not at all."""

from __future__ import annotations

import asyncio
import os
import threading
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.errors import LoadRefused
from gateway.holding import import_folder, uploading
from schemas.errors import InvalidInput, SkerryError, TooLarge
from tests.gateway.admin.test_onboarding import described
from tests.support.admin_node import AdminNode, Browser, plain

pytestmark = pytest.mark.anyio

FORM = "multipart/form-data; boundary=B"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[AdminNode]:
    (tmp_path / "incoming" / "isle").mkdir(parents=True)
    made = AdminNode(tmp_path, changed={"import_folder": str(tmp_path / "incoming")})
    yield made
    await made.close()


async def _sent(
    browser: Browser,
    page: str,
    name: str = "new.vcf",
    *,
    content: bytes = b"##fileformat",
    **fields: str,
) -> httpx.Response:
    given = {"csrf": browser.csrf, "folder": "isle"} | fields
    return await browser.http.post(
        f"{page}/upload", data=given, files={"file": (name, b"##fileformat")}
    )


async def test_a_file_lands_in_the_folder_and_in_the_record(
    node: AdminNode, tmp_path: Path
) -> None:
    adam = node.browser()
    page = await described(adam)
    answer = await _sent(adam, page)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{page}/files?folder=isle")
    assert (tmp_path / "incoming" / "isle" / "new.vcf").read_bytes() == b"##fileformat"
    assert "isle/new.vcf" in await adam.text(f"{page}/files", folder="isle")
    (facts,) = node.recorded("admin.uploaded")
    assert (facts["file"], facts["load"]) == ("isle/new.vcf", page.rpartition("/")[2])
    assert str(facts["by"]).startswith("p-")


@pytest.mark.parametrize(
    "name", ["../out.vcf", "a/b.vcf", "/etc/x", ".hidden", "", "a\\b", "x" * 151]
)
async def test_a_name_that_could_lead_elsewhere_is_refused(
    node: AdminNode, tmp_path: Path, name: str
) -> None:
    adam = node.browser()
    answer = await _sent(adam, await described(adam), name)
    assert answer.status_code in (400, 413)
    assert _files(tmp_path) == []


@pytest.mark.parametrize("folder", ["..", "/", "nowhere", "isle/..", "../../etc"])
async def test_only_a_folder_of_the_list_takes_it(
    node: AdminNode, tmp_path: Path, folder: str
) -> None:
    adam = node.browser()
    answer = await _sent(adam, await described(adam), folder=folder)
    assert answer.status_code == 400
    assert "no such folder" in plain(answer.text)
    assert _files(tmp_path) == []


async def test_nothing_is_overwritten(node: AdminNode, tmp_path: Path) -> None:
    there = tmp_path / "incoming" / "isle" / "new.vcf"
    there.write_bytes(b"mine")
    adam = node.browser()
    answer = await _sent(adam, await described(adam))
    assert answer.status_code == 400
    assert "it is not overwritten" in plain(answer.text)
    assert there.read_bytes() == b"mine"


async def test_a_form_of_another_session_is_refused_before_its_file_is_read(
    node: AdminNode, tmp_path: Path
) -> None:
    adam = node.browser()
    page = await described(adam)
    assert (await _sent(adam, page, csrf="forged")).status_code == 403
    origin = {"origin": "https://evil.example"}
    given = {"csrf": adam.csrf, "folder": "isle"}
    answer = await adam.http.post(
        f"{page}/upload", data=given, files={"file": ("x", b"x")}, headers=origin
    )
    assert answer.status_code == 403
    assert _files(tmp_path) == []


@pytest.mark.parametrize("name", [None, "dora"])
async def test_for_who_is_no_admin_it_is_not_there(
    node: AdminNode, tmp_path: Path, name: str | None
) -> None:
    page = await described(node.browser())
    answer = await _sent(node.browser(name), page)
    assert answer.status_code in (401, 404)
    assert _files(tmp_path) == []


async def test_the_page_of_the_files_says_how_much_it_takes(node: AdminNode) -> None:
    adam = node.browser()
    assert "At most 4.0 GiB" in await adam.text(f"{await described(adam)}/files")


def _files(folder: Path) -> list[Path]:
    return [path for path in (folder / "incoming").rglob("*") if path.is_file()]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _parts(*, fields: bool = True, name: str = "a.vcf", end: bool = True) -> tuple[bytes, bytes]:
    """What comes before and after the file's content."""
    head = b'--B\r\nContent-Disposition: form-data; name="folder"\r\n\r\n\r\n' if fields else b""
    said = f'--B\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head + said.encode(), b"\r\n--B--\r\n" if end else b""


async def _take(root: Path, *chunks: bytes, content_type: str = FORM) -> str:
    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return await uploading.take(stream(), content_type, root=root, check=lambda _fields: None)


async def test_a_large_file_is_never_in_memory(tmp_path: Path) -> None:
    first, last = _parts()
    block = os.urandom(256 * 1024)

    async def stream() -> AsyncIterator[bytes]:
        yield first
        for _ in range(256):
            yield block
        yield last

    tracemalloc.start()
    name = await uploading.take(stream(), FORM, root=tmp_path, check=lambda _fields: None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / name).stat().st_size == 256 * len(block)
    assert peak < 16 * 1024 * 1024


async def test_the_file_is_whole_whatever_the_pieces(tmp_path: Path) -> None:
    first, last = _parts()
    body = first + b"a\r\n--Bb\r\n--" + last
    name = await _take(tmp_path, *(bytes([one]) for one in body))
    assert (tmp_path / name).read_bytes() == b"a\r\n--Bb\r\n--"


@pytest.mark.parametrize(
    ("chunks", "content_type", "error"),
    [
        ((_parts(end=False)[0], b"half"), FORM, InvalidInput),
        ((b"",), FORM, InvalidInput),
        ((b"--B\r\nnonsense",), FORM, InvalidInput),
        ((b"not a form",), FORM, InvalidInput),
        ((_parts()[0], b"x", _parts()[1]), "application/json", InvalidInput),
        ((_parts()[0], b"x", _parts()[1]), "multipart/form-data", InvalidInput),
        ((_parts()[0], b"x\r\n", _parts()[0], b"y", _parts()[1]), FORM, InvalidInput),
        ((b'--B\r\nContent-Disposition: form-data; name="folder"\r\n\r\n' + b"x" * 5000,), FORM,
         TooLarge),
        ((b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 6,), FORM,
         InvalidInput),
    ],
)  # fmt: skip
async def test_what_is_no_whole_form_leaves_nothing(
    tmp_path: Path, chunks: tuple[bytes, ...], content_type: str, error: type[SkerryError]
) -> None:
    with pytest.raises(error):
        await _take(tmp_path, *chunks, content_type=content_type)
    assert _names(tmp_path) == []


async def test_more_than_the_cap_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "MAX_UPLOAD_BYTES", 1000)
    first, last = _parts()
    with pytest.raises(TooLarge):
        await _take(tmp_path, first, b"x" * 600, b"x" * 600, last)
    assert _names(tmp_path) == []


async def test_a_folder_that_takes_nothing_is_named(tmp_path: Path) -> None:
    first, last = _parts()
    (tmp_path / "a.vcf").symlink_to("/dev/full")
    with pytest.raises(LoadRefused, match="there already"):
        await _take(tmp_path, first, b"x", last)


async def test_what_a_killed_node_left_goes_after_a_day(tmp_path: Path) -> None:
    old, fresh = tmp_path / ".upload-old", tmp_path / ".upload-fresh"
    for one in (old, fresh):
        one.write_bytes(b"x")
    os.utime(old, (1, 1))
    first, last = _parts()
    await _take(tmp_path, first, b"x", last)
    assert _names(tmp_path) == [".upload-fresh", "a.vcf"]
    assert [one.name for one in import_folder.inside(tmp_path, "")] == ["a.vcf"]


async def test_a_file_is_not_closed_beneath_a_write_whose_asker_was_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread goes on: a closed file's number may be another's, who would get people's data."""
    first, _ = _parts()
    write, began, go_on = os.write, threading.Event(), threading.Event()
    written: list[int] = []

    def slow(file: int, content: memoryview) -> int:
        """A byte at a time; the asker leaves while the first is on its way."""
        began.set()
        assert go_on.wait(600)
        written.append(write(file, content[:1]))
        return 1

    taking = asyncio.ensure_future(_take(tmp_path, first + b"person"))
    monkeypatch.setattr(os, "write", slow)
    assert await asyncio.to_thread(began.wait, 60)
    taking.cancel()
    threading.Timer(0.05, go_on.set).start()  # closing waits for the write, and the loop with it
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert written == [1] * len(b"person")
    assert _names(tmp_path) == []


async def test_what_is_kept_after_the_asker_was_cancelled_is_not_kept(tmp_path: Path) -> None:
    arriving = uploading._Arriving(tmp_path, "", "a.vcf")
    arriving.write(b"whole")
    arriving.drop()
    arriving.write(b"late")
    arriving.keep()
    assert _names(tmp_path) == []

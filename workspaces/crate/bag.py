"""A BagIt bag in a ZIP archive: written, and read from strangers.

RFC 8493 (BagIt 1.0) with SHA-512 manifests, as Five Safes RO-Crate 0.4 asks for. Reading touches no
disk: names, sizes and every digest are checked before a byte is believed.
"""

from __future__ import annotations

import hashlib
import io
import re
import uuid
import zipfile
import zlib
from collections.abc import Mapping

from workspaces.errors import CrateUntrue

MAX_ARCHIVE = 256 * 1024 * 1024
MAX_UNPACKED = 512 * 1024 * 1024
MAX_FILES = 2_000

_BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_PAYLOAD, _TAGS = "manifest-sha512.txt", "tagmanifest-sha512.txt"
_NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]{0,99}/){1,6}[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LISTED = re.compile(r"([0-9a-f]{128}) [ *](\S.*)")
_WHEN = (1980, 1, 1, 0, 0, 0)  # so that the same contents are the same bytes


def write(payload: Mapping[str, bytes], *, identifier: uuid.UUID) -> bytes:
    """The archive; `payload` is by name below data/."""
    data = {f"data/{name}": content for name, content in payload.items()}
    size = sum(map(len, data.values()))
    tags = {
        "bagit.txt": _BAGIT,
        "bag-info.txt": f"External-Identifier: urn:uuid:{identifier}\n"
        f"Payload-Oxum: {size}.{len(data)}\n".encode(),
        _PAYLOAD: _manifest(data),
    }
    tags[_TAGS] = _manifest(tags)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted({**tags, **data}.items()):
            archive.writestr(zipfile.ZipInfo(f"crate-{identifier}/{name}", _WHEN), content,
                             compress_type=zipfile.ZIP_DEFLATED)  # fmt: skip
    return packed.getvalue()


def read(raw: bytes) -> dict[str, bytes]:
    """The payload by name below data/; raises CrateUntrue unless every digest holds and nothing is
    missing or besides."""
    files = _unpacked(raw)
    if files.get("bagit.txt", b"").split(b"\n")[0] != b"BagIt-Version: 1.0":
        raise CrateUntrue("The archive holds no BagIt 1.0 bag.")
    data = {name: content for name, content in files.items() if name.startswith("data/")}
    tags = {name: content for name, content in files.items() if name not in data}
    _check(_listed(tags, _PAYLOAD), data)
    tags_listed = _listed(tags, _TAGS)
    tags.pop(_TAGS)
    _check(tags_listed, tags)
    return {name.removeprefix("data/"): content for name, content in data.items()}


def _unpacked(raw: bytes) -> dict[str, bytes]:
    if len(raw) > MAX_ARCHIVE:
        raise CrateUntrue(f"A crate may have {MAX_ARCHIVE} bytes.")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return _files(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError,
            UnicodeDecodeError, ValueError) as error:  # fmt: skip
        raise CrateUntrue("The crate is not a ZIP archive that can be read.") from error


def _files(archive: zipfile.ZipFile) -> dict[str, bytes]:
    members = [one for one in archive.infolist() if not one.is_dir()]
    names = [one.filename for one in members]
    if not names or len(names) > MAX_FILES or len(set(names)) < len(names):
        raise CrateUntrue(f"A crate has from 1 to {MAX_FILES} files, each once.")
    if not all(_NAME.fullmatch(name) for name in names):
        raise CrateUntrue("A file of the crate has a name that is not allowed.")
    if len({name.split("/")[0] for name in names}) != 1:
        raise CrateUntrue("A crate is one folder.")
    held: dict[str, bytes] = {}
    room = MAX_UNPACKED
    for member in members:
        with archive.open(member) as stream:
            # What the archive says of sizes is not relied on.
            content = stream.read(room + 1)
        room -= len(content)
        if room < 0:
            raise CrateUntrue(f"A crate may unpack to {MAX_UNPACKED} bytes.")
        held[member.filename.split("/", 1)[1]] = content
    return held


def _manifest(files: Mapping[str, bytes]) -> bytes:
    lines = (f"{hashlib.sha512(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return "".join(lines).encode()


def _listed(tags: Mapping[str, bytes], name: str) -> dict[str, str]:
    lines = tags.get(name, b"").decode("utf-8", "replace").splitlines()
    found = [_LISTED.fullmatch(line) for line in lines]
    matched = [one for one in found if one is not None]
    if not lines or len(matched) < len(lines):
        raise CrateUntrue(f"{name} is missing or cannot be read.")
    return {one[2]: one[1] for one in matched}


def _check(listed: Mapping[str, str], files: Mapping[str, bytes]) -> None:
    if listed.keys() != files.keys():
        raise CrateUntrue("The files of the bag are not those that its manifest lists.")
    for name, content in files.items():
        if hashlib.sha512(content).hexdigest() != listed[name]:
            raise CrateUntrue(f"{name} is not what its manifest lists.")

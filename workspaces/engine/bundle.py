"""A federated application as one file whose SHA-256 stands in a permit.

The engine's bundle format (a zip with a manifest), stored without compression, so that the same
sources give the same bytes with any zlib. An application, shipped or one's own, brings the analysis
it uses with it: its digest covers every line that touches data, apart from the environment's, which
has its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workspaces.errors import ApplicationInvalid

MAX_BYTES = 10 * 1024 * 1024  # the engine's own
MAX_FILES = 1_000
_DATE = (2024, 10, 1, 0, 0, 0)
_ROOM = Path(__file__).parent.parent
_SHIPPED = _ROOM / "flapps"
_KINDS = frozenset({".py", ".toml", ".md"})


@dataclass(frozen=True, slots=True)
class Bundle:
    """`outputs` are the classes its results have (`workspaces.airlock.candidates`), `discloses`
    what each site shows in the clear, both as the application states them."""

    content: bytes
    digest: str
    name: str
    version: str
    files: Mapping[str, str]
    outputs: tuple[str, ...]
    discloses: str


def shipped() -> list[str]:
    return sorted(place.parent.name for place in _SHIPPED.glob("*/pyproject.toml"))


def template(name: str) -> dict[str, str]:
    """The shipped template's sources by place, as an application of this name."""
    module = f"{_ROOM.name}.{_SHIPPED.name}.template"
    own = {f"{name}/{place.name}": place for place in sorted((_SHIPPED / "template").glob("*.py"))}
    places = own | {"pyproject.toml": _SHIPPED / "template" / "pyproject.toml"}
    return {
        place: source.read_text(encoding="utf-8")
        .replace(f"{module}.", f"{name}.")
        .replace(f"from {module} import", f"from {name} import")
        .replace('name = "template"', f'name = "{name}"')
        for place, source in places.items()
    }


def bundle(application: Path | str) -> Bundle:
    """Of a shipped application's name, a folder with a pyproject.toml, or a bundle file. Raises
    `ApplicationInvalid`."""
    if str(application) in shipped():
        return read(_built(_shipped_files(str(application))))
    place = Path(application)
    if place.is_dir():
        return read(_built(_folder_files(place)))
    try:
        with place.open("rb") as file:
            return read(file.read(MAX_BYTES + 1))
    except OSError as error:
        raise ApplicationInvalid(
            f"{application} is no application: name one of {', '.join(shipped())}, a folder with a "
            "pyproject.toml, or a bundle file."
        ) from error


def read(content: bytes) -> Bundle:
    """What a bundle holds, by its manifest; raises `ApplicationInvalid`."""
    if len(content) > MAX_BYTES:
        raise ApplicationInvalid(f"A bundle may have {MAX_BYTES} bytes.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            _check_size([one.file_size for one in members])
            files = {
                one.filename: hashlib.sha256(archive.read(one)).hexdigest()
                for one in members
                if one.filename != ".info/CONTENT"
            }
            listed = archive.read(".info/CONTENT").decode().splitlines()
            project = tomllib.loads(archive.read("pyproject.toml").decode())
        stated = {line.split(",")[0]: line.split(",")[1] for line in listed}
        told = project["tool"].get("skerry", {})
        found = Bundle(
            content=content,
            digest=hashlib.sha256(content).hexdigest(),
            name=str(project["project"]["name"]),
            version=str(project["project"]["version"]),
            files=files,
            outputs=tuple(map(str, told.get("outputs", ()))),
            discloses=str(told.get("discloses", "not stated")),
        )
    except ApplicationInvalid:
        raise
    except Exception as error:  # hostile bytes: zip and TOML readers fail in any way they like
        raise ApplicationInvalid("The file is not an application's bundle.") from error
    if stated != files:
        raise ApplicationInvalid("The bundle's files are not those of its manifest.")
    return found


def _shipped_files(name: str) -> dict[str, bytes]:
    own = _read(sorted((_SHIPPED / name).glob("*.py")), _ROOM.parent)
    return _shared() | own | {"pyproject.toml": (_SHIPPED / name / "pyproject.toml").read_bytes()}


def _folder_files(folder: Path) -> dict[str, bytes]:
    places = [place for place in sorted(folder.rglob("*")) if _belongs(place.relative_to(folder))]
    _check_size([place.stat().st_size for place in places])
    own = _read(places, folder)
    shared = _shared()
    if taken := sorted(set(own) & set(shared)):
        raise ApplicationInvalid(f"{taken[0]} is ours; an application has other names.")
    return shared | own


def _shared() -> dict[str, bytes]:
    """What every application may import: the analysis, and what its round trips are made of."""
    analysis = sorted((_ROOM / "analysis").glob("*.py"))
    return _read([_ROOM / "__init__.py", *sorted(_SHIPPED.glob("*.py")), *analysis], _ROOM.parent)


def _read(places: Iterable[Path], above: Path) -> dict[str, bytes]:
    return {place.relative_to(above).as_posix(): place.read_bytes() for place in places}


def _check_size(sizes: list[int]) -> None:
    if len(sizes) > MAX_FILES or sum(sizes) > MAX_BYTES:
        raise ApplicationInvalid(f"An application may hold {MAX_FILES} files, {MAX_BYTES} bytes.")


def _belongs(place: Path) -> bool:
    return place.suffix in _KINDS and not any(part.startswith((".", "_" * 2 + "py"))
                                              for part in place.parts)  # fmt: skip


def _built(files: Mapping[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        manifest = []
        for name in ["pyproject.toml", *sorted(set(files) - {"pyproject.toml"})]:
            content = files.get(name)
            if content is None:
                raise ApplicationInvalid("An application has a pyproject.toml; this has none.")
            archive.writestr(zipfile.ZipInfo(name, _DATE), content)
            manifest.append(f"{name},{hashlib.sha256(content).hexdigest()},{len(content) * 8}")
        archive.writestr(zipfile.ZipInfo(".info/CONTENT", _DATE), "\n".join(manifest))
    return written.getvalue()


def stated(found: Bundle) -> str:
    """What a committee sees of it, as JSON."""
    return json.dumps(
        {
            "application": f"{found.name} {found.version}",
            "digest": found.digest,
            "outputs": list(found.outputs),
            "discloses": found.discloses,
            "files": dict(sorted(found.files.items())),
        },
        indent=2,
    )

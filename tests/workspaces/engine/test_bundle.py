"""A bundle's digest covers all of it, and nothing but a bundle is read as one."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from workspaces.engine import bundle
from workspaces.errors import ApplicationInvalid


def own(folder: Path, **files: str) -> Path:
    project = '[project]\nname = "own"\nversion = "1"\n[tool.flwr.app]\npublisher = "me"\n'
    for name, text in ({"pyproject.toml": project} | files).items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder


@pytest.mark.parametrize("name", bundle.shipped())
def test_shipped_applications_state_outputs_and_what_they_disclose(name: str) -> None:
    found = bundle.bundle(name)
    assert found.name == name
    assert found.outputs
    assert found.discloses != "not stated"
    assert not [place for place in found.files if "engine" in place or "__pycache__" in place]


@pytest.mark.parametrize("name", bundle.shipped())
def test_a_shipped_application_is_thin(name: str) -> None:
    folder = Path(bundle.__file__).parent.parent / "flapps" / name
    assert sum(len(place.read_text().splitlines()) for place in folder.glob("*.py")) <= 200


def test_the_same_sources_give_the_same_bytes_and_any_change_others(tmp_path: Path) -> None:
    folder = own(tmp_path / "own", **{"app.py": "one = 1\n"})
    first = bundle.bundle(folder)
    assert bundle.bundle(folder).content == first.content
    (folder / "app.py").write_text("one = 2\n")
    assert bundle.bundle(folder).digest != first.digest


def test_hidden_files_and_data_are_not_taken_along(tmp_path: Path) -> None:
    folder = own(tmp_path / "own", **{".secret.py": "", "data.csv": "1", "sub/part.py": "x = 1\n"})
    taken = {name for name in bundle.bundle(folder).files if not name.startswith("workspaces/")}
    assert taken == {"pyproject.toml", "sub/part.py"}


def test_an_application_of_ones_own_brings_the_analysis_as_shipped_ones_do(tmp_path: Path) -> None:
    found = bundle.bundle(own(tmp_path / "own", **{"app.py": "one = 1\n"})).files
    shipped = bundle.bundle("gwas").files
    ours = [name for name in shipped if name.startswith("workspaces/analysis/")]
    assert "workspaces/analysis/averaging.py" in ours
    assert all(found[name] == shipped[name] for name in ours)


def test_an_application_replaces_nothing_of_ours(tmp_path: Path) -> None:
    folder = own(tmp_path / "own", **{"workspaces/analysis/limbs.py": "x = 1\n"})
    with pytest.raises(ApplicationInvalid, match="is ours"):
        bundle.bundle(folder)


def test_a_folder_without_a_project_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("")
    with pytest.raises(ApplicationInvalid, match=r"pyproject\.toml"):
        bundle.bundle(tmp_path)


def packed(**members: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return written.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"PK", b"not a zip at all",
        packed(), packed(**{"pyproject.toml": b"[project]"}),
        packed(**{"pyproject.toml": b"\xff", ".info/CONTENT": b""}),
        packed(**{"pyproject.toml": b"project = 1\ntool = 2", ".info/CONTENT": b"x"}),
    ],
)  # fmt: skip
def test_what_is_no_bundle_is_refused(content: bytes) -> None:
    with pytest.raises(ApplicationInvalid):
        bundle.read(content)


def test_files_that_are_not_those_of_the_manifest_are_refused(tmp_path: Path) -> None:
    found = bundle.bundle(own(tmp_path / "own", **{"app.py": "one = 1\n"}))
    written = io.BytesIO(found.content)
    with zipfile.ZipFile(written, "a") as archive:
        archive.writestr("more.py", "import socket\n")
    with pytest.raises(ApplicationInvalid, match="manifest"):
        bundle.read(written.getvalue())


def test_a_bundle_that_unpacks_to_too_much_is_refused() -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.py", bytes(bundle.MAX_BYTES + 1))
    with pytest.raises(ApplicationInvalid, match="may hold"):
        bundle.read(written.getvalue())
    with pytest.raises(ApplicationInvalid, match="may have"):
        bundle.read(bytes(bundle.MAX_BYTES + 1))


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for number in range(bundle.MAX_FILES + 1):
            archive.writestr(f"{number}.py", b"")
    with pytest.raises(ApplicationInvalid, match="may hold"):
        bundle.read(written.getvalue())

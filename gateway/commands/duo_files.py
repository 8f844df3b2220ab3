"""Conditions of data use and requests as files: JSON, or YAML by their ending.

Each is read as it stands alone, or as that part of the body of POST /access/duo/check.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from gateway.errors import LoadRefused
from schemas.data_use import DataUseRequest, DataUseTerm, DataUseTerms

MAX_FILE_BYTES = 1024 * 1024
_TERMS: TypeAdapter[tuple[DataUseTerm, ...]] = TypeAdapter(DataUseTerms)


def read_terms(path: Path) -> tuple[DataUseTerm, ...]:
    """A dataset's terms, or none where it states none."""
    return _terms(path, _part(_document(path), "dataset"))


def profiles(path: Path) -> Iterator[tuple[str, tuple[DataUseTerm, ...]]]:
    """The terms of the one dataset in the file, or of each that a policy file names."""
    document = _document(path)
    entries = document.get("datasets") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        yield str(path), _terms(path, document)
        return
    for entry in entries:
        if isinstance(entry, dict) and "data_use" in entry:
            yield str(entry.get("id")), _terms(path, entry["data_use"])


def _terms(path: Path, document: object) -> tuple[DataUseTerm, ...]:
    try:
        return _TERMS.validate_python(document)
    except ValidationError as error:
        raise LoadRefused(f"{path}: {_fault(error)}") from error


def read_request(path: Path) -> DataUseRequest:
    try:
        return DataUseRequest.model_validate(_part(_document(path), "request"))
    except ValidationError as error:
        raise LoadRefused(f"{path}: {_fault(error)}") from error


def _part(document: object, name: str) -> object:
    """The document, or that part of it where it is the body of POST /access/duo/check."""
    return document[name] if isinstance(document, dict) and name in document else document


def _fault(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "file"
    return f"{where}: {first['msg']}"


def _document(path: Path) -> object:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise LoadRefused(f"{path}: larger than {MAX_FILE_BYTES} bytes")
        text = raw.decode("utf-8")
        return _yaml(path, text) if path.suffix in {".yaml", ".yml"} else json.loads(text)
    except OSError as error:
        raise LoadRefused(f"{path}: can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise LoadRefused(f"{path}: can't be read as JSON or YAML text") from error


def _yaml(path: Path, text: str) -> object:
    try:
        from schemas import yaml_text
    except ImportError as error:
        raise LoadRefused(f"{path}: YAML needs skerry[node]; JSON does not") from error
    try:
        return yaml_text.read(text).content
    except yaml_text.NotYaml as error:
        raise LoadRefused(f"{path}: can't be read as YAML: {error.public}") from error

"""Says which extra to install when a role's libraries are absent."""

from __future__ import annotations

import importlib

from gateway.errors import MissingExtra


def need(module: str, *, extra: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(f"this needs more: pip install 'skerry[{extra}]'") from error

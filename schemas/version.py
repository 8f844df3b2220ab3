"""Which Skerry this is: one word for GA4GH service-info 1.0.0, Beacon's `/info` and `--version`."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

_SOURCE = "0+source"  # a checkout that is not installed: PEP 440's lowest, named for what it is


@cache
def skerry_version() -> str:
    """The version as it was installed."""
    try:
        return version("skerry")
    except PackageNotFoundError:
        return _SOURCE

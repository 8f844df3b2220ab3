"""What can go wrong in assembling or commanding a node.

SkerryError
├── ConfigError   the settings cannot be used; names file, key and next step
├── LoadRefused   the data cannot be loaded; names file, record, field and next step
├── SourceNotNamed  a place from which the settings let nothing be registered over HTTP
├── MissingExtra  a role's libraries are not installed
└── DemoError     the demo cannot start or a journey did not hold
    └── PortTaken another program listens where the demo would
"""

from __future__ import annotations

from enum import IntEnum

from schemas.errors import Forbidden, SkerryError


class ConfigError(SkerryError):
    status = 500
    code = "config_error"


class SourceNotNamed(Forbidden):
    code = "source_not_named"


class LoadRefused(SkerryError):
    status = 400
    code = "load_refused"


class MissingExtra(SkerryError):
    code = "missing_extra"


class DemoError(SkerryError):
    code = "demo_error"


class PortTaken(DemoError):
    code = "port_taken"


class Exit(IntEnum):
    """What each exit code of `skerry` means."""

    OK = 0
    FAILED = 1  # a check or journey did not hold
    USAGE = 2  # the command line itself is wrong
    NOT_RUN = 3  # something needed is not installed
    CONFIG = 4  # settings, keys or policies cannot be used
    BAD_INPUT = 5  # data refused; nothing was loaded
    PORT_TAKEN = 6
    UNREACHABLE = 7  # a server did not answer
    REFUSED = 8  # a server, or the conditions of data use, said no
    REVIEW = 9  # a person must judge
    INTERRUPTED = 130


def for_operator(error: SkerryError) -> str:
    """Its words; of the node's own catalog also the file it is about, which no asker is told."""
    if error.code == "catalog_unavailable" and error.detail:
        return f"{error.public} ({error.detail})"
    return error.public

"""Inflates gzip and BGZF files, each block compared with its checksum. The only importer of isal.

ISA-L takes a fifth of zlib's time for it, and every byte of a compressed source is inflated at
least twice: once to know that the file is whole, and to be read.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from isal import igzip, isal_zlib

_open: Any = igzip.open
_NOT_DEFLATED: type[Exception] = cast(Any, isal_zlib).error
BROKEN: Final = (EOFError, gzip.BadGzipFile, _NOT_DEFLATED)  # what reading a damaged file raises


def opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, _open(path))

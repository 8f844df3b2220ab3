"""Makes an index where a file came without one: with samtools' and bcftools' own code.

Of a file that is sealed or far away, a process of its own makes it while the plain bytes pass
through a pipe: they lie nowhere. What the index says is believed only by `survey`.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import pysam.bcftools
import pysam.samtools

from streams.errors import IndexRefused
from streams.inputs import HASH_STEP

_STDIN = Path("/dev/fd/0")


def build(source: Path, form: str, made: Path) -> None:
    """Raises IndexRefused."""
    try:
        match form:
            case "BAM":
                pysam.samtools.index("-c", "-o", str(made), str(source))
            case "CRAM":
                pysam.samtools.index("-o", str(made), str(source))
            case _:
                pysam.bcftools.index("-c", "-f", "-o", str(made), str(source))
    except pysam.utils.SamtoolsError as error:
        raise _refused(str(source)) from error


def piped(plain: BinaryIO, form: str, made: Path, *, told: str) -> None:
    """Closes `plain`. Raises IndexRefused with the name `told`, and what reading raises."""
    command = [sys.executable, "-m", "streams.slices.build_index", form, str(made)]
    with (
        plain,
        subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process,
    ):
        assert process.stdin is not None  # noqa: S101 - for the types: it is a pipe
        with suppress(BrokenPipeError), process.stdin as pipe:  # it gave up: its code tells
            while piece := plain.read(HASH_STEP):
                pipe.write(piece)
        if process.wait():
            raise _refused(told)


def _refused(source: str) -> IndexRefused:
    return IndexRefused(
        f"{source}: there is no index and none can be made. Sort the file by position."
    )


if __name__ == "__main__":
    try:
        build(_STDIN, sys.argv[1], Path(sys.argv[2]))
    except IndexRefused:
        sys.exit(1)

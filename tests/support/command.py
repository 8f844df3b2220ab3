"""Runs `skerry` in this process as a shell would: arguments in, exit code and both streams out."""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import dataclass
from unittest import mock

from gateway import cli


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


def skerry(*arguments: object) -> Ran:
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", ["skerry", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return Ran(int(code), out.getvalue(), err.getvalue())

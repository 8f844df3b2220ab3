"""The project's rituals, the same here and in CI: lint, types, tests, docs, packaging."""

from __future__ import annotations

import nox

nox.options.sessions = ["lint", "types", "tests", "docs", "packaging"]
nox.options.default_venv_backend = "venv"


def _install(session: nox.Session) -> None:
    if session.virtualenv.is_sandboxed:
        session.install("-e", ".[test]")


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff's rules and format, and the floors."""
    _install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")


@nox.session
def types(session: nox.Session) -> None:
    """Strict types over code and tests."""
    _install(session)
    session.run("mypy", "--cache-dir", session.create_tmp())
    session.run("mypy", "--cache-dir", session.create_tmp(), "tests")


@nox.session
def tests(session: nox.Session) -> None:
    """Everything; arguments go to pytest."""
    _install(session)
    session.run("pytest", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """What is documented is true: settings, commands and examples against the code."""
    _install(session)
    session.run("pytest", "tests/test_docs.py")


@nox.session
def packaging(session: nox.Session) -> None:
    """The wheel holds what it needs, and each import name has one owner."""
    _install(session)
    session.run("pytest", "tests/test_packaging.py")

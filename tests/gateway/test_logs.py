from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from gateway import logs

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJyb3NhIn0.c2lnbmF0dXJl"
PEM = "-----BEGIN PRIVATE KEY-----\nMIGH\nAgEA\n-----END PRIVATE KEY-----"


@pytest.fixture
def _logging_restored() -> Iterator[None]:
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    before = root.handlers, root.level, access.disabled
    yield
    root.handlers, root.level, access.disabled = before[0], before[1], before[2]
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"got {JWT} from", JWT),
        ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("authorization: BEARER abcdefgh12345678", "abcdefgh12345678"),
        ("GET /htsget/blocks/s3ss10n/4 HTTP/1.1", "s3ss10n"),
        (PEM, "MIGH"),
        (json.dumps({"key": PEM}), "MIGH"),
        ("-----BEGIN CRYPT4GH PRIVATE KEY-----\nYzRn\n-----END CRYPT4GH PRIVATE KEY-----", "YzRn"),
    ],
)
def test_what_looks_secret_is_hidden(text: str, secret: str) -> None:
    hidden = logs.redact(text)
    assert secret not in hidden
    assert logs.HIDDEN in hidden


def test_an_ordinary_line_stays_as_it_was() -> None:
    assert logs.redact("answered /beacon 200 in 3 ms") == "answered /beacon 200 in 3 ms"


@pytest.mark.usefixtures("_logging_restored")
def test_a_structured_line_is_one_json_object_without_its_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up(as_json=True)
    structlog.get_logger("gateway").info("refused", detail=JWT, path="/htsget/blocks/s3ss10n/4")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["detail"]) == ("refused", logs.HIDDEN)
    assert "s3ss10n" not in line["path"]


@pytest.mark.usefixtures("_logging_restored")
@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_is_logged_without_its_secrets(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    logs.set_up(as_json=as_json)
    structlog.get_logger("gateway").error("unexpected", exc_info=ValueError(f"bad {JWT}"))
    written = capsys.readouterr().err
    assert "ValueError" in written
    assert JWT not in written


@pytest.mark.usefixtures("_logging_restored")
def test_a_librarys_line_is_redacted_with_its_arguments(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up()
    logging.getLogger("library").warning("token %s", JWT)
    written = capsys.readouterr().err
    assert "library" in written or "token" in written
    assert JWT not in written


@pytest.mark.usefixtures("_logging_restored")
@pytest.mark.parametrize("name", ["crypt4gh", "crypt4gh.lib", "httpx", "authlib.oauth2"])
def test_libraries_that_print_secrets_cannot_speak_below_warning(name: str) -> None:
    logs.set_up(level=logging.DEBUG)
    assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)
    assert logging.getLogger("uvicorn.access").disabled

"""Log structure, redaction and pinned loggers.

No token, key, person or row reaches a log: requests are logged by path shape without query, block
addresses not at all, and libraries known to print secrets at DEBUG are pinned above it.
"""

from __future__ import annotations

import logging
import re
import sys

import structlog

# The crypt4gh package prints private, shared and session keys at DEBUG.
_PINNED = ("crypt4gh", "httpx", "httpcore", "multipart", "authlib")
_SECRET = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"  # JWTs
    r"|(?i:bearer)\s+[\w.~+/=-]{8,}"
    r"|/htsget/blocks/[^\s\"'\\]+"
    r"|-----BEGIN[^-]+-----[\s\S]*?-----END[^-]+-----"
)
HIDDEN = "[hidden]"


def redact(text: str) -> str:
    """`text` with everything that looks like a credential, key or block address hidden."""
    return _SECRET.sub(HIDDEN, text)


class _Redacting(structlog.stdlib.ProcessorFormatter):
    """Redacts the finished line, so that no field and no traceback goes around it."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def set_up(*, level: int = logging.INFO, as_json: bool = False) -> None:
    """Configures logging of this process, once, from a command (never at import)."""
    handler = logging.StreamHandler(sys.stderr)
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    handler.setFormatter(
        _Redacting(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    for name in _PINNED:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Its lines hold whole paths with queries; ours are written by `gateway.app`.
    logging.getLogger("uvicorn.access").disabled = True

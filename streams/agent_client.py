"""The web process's side of the key agent: permits go in, headers come out, and no key is seen.

Connections are kept for the next question; the agent closes those that are not used.
"""

from __future__ import annotations

import base64
import socket
from collections import deque
from pathlib import Path

from schemas.grants import SignedPermit
from streams.agent_wire import MAX_LINE, TIMEOUT_SECONDS, RewrapAnswer, RewrapRequest
from streams.errors import AgentRefused, AgentUnavailable

MAX_IDLE = 2


class AgentClient:
    """Thread-safe. Methods block."""

    def __init__(self, path: Path) -> None:
        self.socket = path
        self._idle: deque[_Line] = deque()

    def rewrap(self, signed: SignedPermit, object_id: str, recipient: bytes) -> bytes:
        """Raises AgentRefused, and AgentUnavailable when the agent does not answer soundly."""
        request = RewrapRequest(
            permit=signed,
            object_id=object_id,
            recipient=base64.b64encode(recipient).decode(),
        )
        try:
            answer = RewrapAnswer.model_validate_json(
                self._ask(request.model_dump_json().encode() + b"\n")
            )
            made = base64.b64decode(answer.header or "", validate=True)
        except (OSError, ValueError) as error:
            sentence = "The key agent does not answer; nothing was released. Try again later."
            raise AgentUnavailable(sentence, detail=type(error).__name__) from error
        if answer.refused is not None or not made:
            sentence = "The key agent refused this release."
            raise AgentRefused(sentence, detail=answer.refused or "no header")
        return made

    def close(self) -> None:
        while self._idle:
            self._idle.popleft().close()

    def _ask(self, question: bytes) -> bytes:
        line = self._taken()
        if line is not None:
            try:
                return self._answered(line, question)
            except ConnectionError:
                self.close()  # the agent was started anew, or tired of waiting
        return self._answered(_Line(self.socket), question)

    def _taken(self) -> _Line | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _answered(self, line: _Line, question: bytes) -> bytes:
        try:
            answer = line.ask(question)
        except BaseException:
            line.close()
            raise
        if len(self._idle) < MAX_IDLE:
            self._idle.append(line)
        else:
            line.close()
        return answer


class _Line:
    """One connection, for one question at a time."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(TIMEOUT_SECONDS)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._answers = self._socket.makefile("rb")

    def ask(self, question: bytes) -> bytes:
        """Raises OSError; ConnectionError where nobody is there any more."""
        self._socket.sendall(question)
        answer = self._answers.readline(MAX_LINE)
        if not answer.endswith(b"\n"):
            raise ConnectionResetError("the agent closed the connection")
        return answer

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

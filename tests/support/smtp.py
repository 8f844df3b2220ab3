"""A mail server on loopback: takes mail as RFC 5321 asks, or refuses it, and keeps what it took."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class MailServer:
    """`refuses` is said instead of taking the text, such as `451 later`."""

    refuses: str = ""
    mails: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[MailServer]:
        owner = self

        class Conversation(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 test")
                while line := self.rfile.readline():
                    verb = line[:4].upper()
                    if verb == b"DATA":
                        self._take()
                    elif verb == b"QUIT":
                        return self._say("221 bye")
                    else:
                        self._say("250 ok")
                return None

            def _take(self) -> None:
                if owner.refuses:
                    return self._say(owner.refuses)
                self._say("354 go on")
                text = b""
                while not text.endswith(b"\r\n.\r\n"):
                    text += self.rfile.readline()
                owner.mails.append(text.decode())
                return self._say("250 taken")

            def _say(self, line: str) -> None:
                self.wfile.write(line.encode() + b"\r\n")

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as server:
            server.daemon_threads = True
            self.port = server.server_address[1]
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()

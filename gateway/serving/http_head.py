"""What the head of a request may be: so many bytes, for one host, and ended where the body begins.

uvicorn's parser keeps a head until it is whole, however long, at a cost that grows with its square;
it adds what follows a chunked body to the headers, which RFC 9110 6.5.1 forbids: whoever checked
the headers before us has not seen it; and it takes what follows a request that offers another
protocol for that protocol's, so that a POST of such a client lost its body and was answered as one
that asked nothing. No other protocol is spoken here, and who offers one is answered in HTTP/1.1
(RFC 9110 7.8). What is refused is answered in its turn: while the question before is answered, a
400 would be read as that one's answer.
"""

from __future__ import annotations

import sys

from httptools import HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.serving import host
from passports.compact import MAX_PASSPORT_CHARS

MAX_HEAD_BYTES = MAX_PASSPORT_CHARS + 64 * 1024


class PlainHead(HttpToolsProtocol):
    """uvicorn's protocol with a cap on heads; trailers and offers of protocols are read past."""

    received = 0  # bytes of this connection
    _in_head = False
    _head_bytes = 0
    _has_trailers = False
    _piece = b""
    _head = b""  # of a request that offers another protocol, without its offer
    _again = b""  # the same and what follows it, to be parsed
    _host = b""  # as it was asked for before, and found well formed
    _objection = ""  # ours, where the parser has none
    _refusal: str | None = None  # said once to all that comes behind the questions in line

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        self._take(data)
        while self._again:
            data, self._again = self._again, b""
            # Anew: the one that stopped takes nothing more where the connection was to close too.
            self.parser = _parser(self)
            self._take(data)

    def _take(self, data: bytes) -> None:
        begun = self._in_head
        self.received += len(data)
        self._piece = data
        super().data_received(data)
        self._piece = b""
        if not self._in_head or not begun or self._refusal is not None:
            return  # the piece in which a head begins may hold other things
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes, self._head = True, 0, b""
        self._has_trailers = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """As uvicorn's, of which it takes the place: it is called for every line."""
        if not self._in_head:
            self._has_trailers = True
            return
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        hosts = [value for name, value in self.headers if name == b"host"]
        if hosts != [self._host]:
            self._look_at(hosts)
        if not self.parser.should_upgrade():
            super().on_headers_complete()
            return
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            raise ValueError("no proxy")  # which uvicorn answers as malformed
        lines = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        lines += [b"%b: %b" % line for line in self.headers if line[0] != b"upgrade"]
        self._head = b"\r\n".join((*lines, b"", b""))

    def _look_at(self, hosts: list[bytes]) -> None:
        bare = [value.strip(b" \t") for value in hosts]  # RFC 9110 5.5
        objection = host.objection(bare, version=self.parser.get_http_version())
        if objection is not None:
            self._objection = objection
            raise ValueError(objection)  # which uvicorn answers by `send_400_response`
        self._host = hosts[0] if hosts else b""

    def send_400_response(self, msg: str) -> None:
        """Nothing more is read. Said at once, or behind the answers that are still to come."""
        self._refusal = self._objection or msg
        asked = self.cycle
        if self.pipeline:
            if asked.more_body:
                self.pipeline.popleft()  # it is this one's body that is malformed
        elif asked is None or asked.response_complete or asked.more_body:
            self._refuse()

    def _refuse(self) -> None:
        if self.cycle is not None and self.cycle.response_started != self.cycle.response_complete:
            self.transport.close()  # in the midst of an answer there is no place for another
        else:
            super().send_400_response(self._refusal or "")

    def on_message_complete(self) -> None:
        if self._has_trailers and not self.parser.should_keep_alive():
            # The parser has heeded a trailer that ends the connection, and takes nothing more.
            self.cycle.keep_alive = False
            if self.cycle.response_complete:
                self.transport.close()
        if not self._head:
            super().on_message_complete()

    def _should_upgrade(self) -> bool:
        return False

    def _unsupported_upgrade_warning(self) -> None:
        """Where the parser stopped, behind such a head."""
        stopped = sys.exception()
        if isinstance(stopped, HttpParserUpgrade):
            self._again = self._head + self._piece[stopped.args[0] :]


def _parser(protocol: PlainHead) -> HttpRequestParser:
    """As uvicorn's own."""
    parser = HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser

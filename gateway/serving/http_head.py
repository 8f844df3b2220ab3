"""What the head of a request may be: so many bytes, and ended where the body begins.

uvicorn's parser keeps a head until it is whole, however long, at a cost that grows with its square;
and it adds what follows a chunked body to the headers, which RFC 9110 6.5.1 forbids: whoever
checked the headers before us has not seen it.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from passports.compact import MAX_PASSPORT_CHARS

MAX_HEAD_BYTES = MAX_PASSPORT_CHARS + 64 * 1024


class PlainHead(HttpToolsProtocol):
    """uvicorn's protocol with a cap on heads; trailers are read past."""

    _in_head = False
    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        begun = self._in_head
        super().data_received(data)
        if not self._in_head or not begun:
            return  # the piece in which a head begins may hold other things
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

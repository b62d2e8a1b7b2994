"""How long may the head of a request be? The parser takes any; ours hangs up before it fills the memory."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 64 * 1024
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class CappedHead(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, for heads of up to 64 KB (RFC 6585 §5)."""

    _head = 0
    _is_in_head = True

    def data_received(self, data: bytes) -> None:
        """Read what came; refuse a head that is too long and has not ended with it."""
        before = self._head + len(data) if self._is_in_head else 0
        super().data_received(data)
        self._head = before if self._is_in_head else 0
        if self._head > MOST_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """It ends."""
        self._is_in_head = False
        super().on_headers_complete()

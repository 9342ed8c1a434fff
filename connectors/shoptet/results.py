"""The result of a job: a gzip file of JSON lines, read a piece at a time, so that its size does not matter.

Only the lines that were read are counted. Whoever goes on in another process reads from the beginning and passes over
those; whoever goes on here finds the file where it was left.
"""

import zlib
from collections import deque
from collections.abc import Iterator

from connectors.transport import Call, Transport
from core.errors import Unreadable

PIECE_BYTES = 256 * 1024
LARGEST_LINE = 8 * 1024 * 1024
GONE = "snapshot_gone"
_GZIP = b"\x1f\x8b"
_NOT_THERE = frozenset({403, 404, 410})


class Lines:
    """The lines of one file. `files`: a transport of its own, for the file lies with another host, open to who knows it.

    What cannot be read raises Unreadable; its code is GONE where the file is not there any more.
    """

    def __init__(self, files: Transport, url: str, *, piece_bytes: int = PIECE_BYTES) -> None:
        self._files, self._url, self._piece_bytes = files, url, piece_bytes
        self._offset = 0  # of the file, as it lies there
        self._ended = False
        self._packed = b""  # read and not unpacked
        self._unzip: zlib._Decompress | None = None
        self._is_plain = False
        self._lines: deque[bytes] = deque()
        self._rest = b""  # the beginning of a line
        self.number = 0  # lines given out

    def __iter__(self) -> Iterator[bytes]:
        while (line := self.following()) is not None:
            yield line

    def following(self) -> bytes | None:
        """The next line that holds something; None at the end."""
        while True:
            while self._lines:
                line = self._lines.popleft()
                if line.strip():
                    self.number += 1
                    return line
            if not self._more():
                if not self._rest.strip():
                    return None
                self._lines.append(self._rest)
                self._rest = b""

    def skip(self, lines: int) -> None:
        while self.number < lines:
            if self.following() is None:
                raise Unreadable("Shoptet's export has become shorter.", code="snapshot_file")

    def _more(self) -> bool:
        """Unpack some more. False at the end."""
        if not self._packed and not self._ended:
            self._fetch()
        found = self._unpacked()
        if not found and not self._packed and self._ended:
            if self._unzip is not None and not self._unzip.eof:
                raise Unreadable("Shoptet's export breaks off.", code="snapshot_file")
            return False
        *whole, self._rest = (self._rest + found).split(b"\n")
        self._lines.extend(whole)
        if len(self._rest) > LARGEST_LINE:
            raise Unreadable("A line of Shoptet's export is larger than we can read.", code="snapshot_line")
        return True

    def _unpacked(self) -> bytes:
        """At most a few pieces' worth: a small file may unpack to a very large one."""
        packed, self._packed = self._packed, b""
        if self._unzip is None and packed and not self._is_plain:
            self._is_plain = not packed.startswith(_GZIP)
        if self._is_plain or (self._unzip is None and not packed):
            return packed
        unzip = self._unzip
        if unzip is not None and unzip.eof and not packed.startswith(_GZIP):
            return b""  # whatever follows the file's end
        if unzip is None or unzip.eof:
            self._unzip = unzip = zlib.decompressobj(wbits=31)
        try:
            found = unzip.decompress(packed, 4 * self._piece_bytes)
        except zlib.error:
            raise Unreadable("Shoptet's export cannot be unpacked.", code="snapshot_file") from None
        self._packed = unzip.unused_data if unzip.eof else unzip.unconsumed_tail
        return found

    def _fetch(self) -> None:
        begin, end = self._offset, self._offset + self._piece_bytes - 1
        headers = {"Range": f"bytes={begin}-{end}", "Accept-Encoding": "identity", "Accept": "*/*"}
        answer = self._files.send(lambda: Call("GET", self._url, headers))
        if answer.status == 416:  # behind the end, or nothing in it
            self._ended = True
        elif answer.status == 206:
            self._packed = answer.body
            self._ended = len(answer.body) < self._piece_bytes
        elif answer.status == 200 and begin == 0:  # a host that knows no ranges
            self._packed, self._ended = answer.body, True
        else:
            code = GONE if answer.status in _NOT_THERE else "snapshot_file"
            raise Unreadable("Shoptet's export cannot be read.", code=code, http_status=answer.status)
        self._offset += len(answer.body)

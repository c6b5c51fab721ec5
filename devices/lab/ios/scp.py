"""Receiving a file by SCP, as `scp -t` does on IOS: one file, into flash."""

import re
from collections.abc import Callable
from typing import Final

_HEAD: Final = re.compile(r"C[0-7]{4} (\d+) (\S+)\n")
_TIMES: Final = re.compile(r"T[^\n]*\n")
_ASKED: Final = re.compile(r"scp\s.*-t\s+(?:--\s+)?(?P<path>.+)$")
_OK: Final = "\x00"


class ScpSink:
    """The receiving side. `write` is told path and text of the file, and may refuse by returning a message."""

    def __init__(self, command: str, write: Callable[[str, str], str]) -> None:
        found = _ASKED.match(command)
        self._path = found["path"].strip("'\"") if found else ""
        self._write = write
        self._buffer = ""
        self._length = -1
        self.greeting = _OK if self._path else "\x01scp: only a file to be received is possible here\n"

    def feed(self, data: str) -> str:
        """Take what arrived, and give what to answer."""
        self._buffer += data
        answer = ""
        while (step := self._step()) is not None:
            answer += step
        return answer

    def _step(self) -> str | None:
        if self._length < 0:
            if times := _TIMES.match(self._buffer):
                self._buffer = self._buffer[times.end() :]
                return _OK
            head = _HEAD.match(self._buffer)
            if head is None:
                return None
            self._length, self._buffer = int(head[1]), self._buffer[head.end() :]
            return _OK
        raw = self._buffer.encode()
        if len(raw) <= self._length:
            return None
        text = raw[: self._length].decode(errors="replace")
        self._buffer = raw[self._length + 1 :].decode(errors="replace")
        self._length = -1
        refused = self._write(self._path, text)
        return f"\x01{refused}\n" if refused else _OK

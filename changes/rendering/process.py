"""Starts, asks and stops the rendering process. Nothing of the template runs on this side of the pipes."""

import contextlib
import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from changes.rendering.errors import ProblemKind, RendererUnavailableError, shown_bytes

_PROGRAM: Final = Path(__file__).with_name("child.py")
_START_S: Final = 30.0
_GRACE_S: Final = 1.0
_CHUNK: Final = 65_536


@dataclass(frozen=True, slots=True)
class RenderLimits:
    """What one rendering may use: time on the clock and of the CPU, address space, text as UTF-8."""

    wall_s: float = 5.0
    cpu_s: int = 4
    memory_bytes: int = 256 * 1024 * 1024
    output_bytes: int = 1024 * 1024


DEFAULT_LIMITS: Final = RenderLimits()


class ChildLostError(Exception):
    """The process is gone, or was stopped; ``kind`` says what the template's author should hear."""

    def __init__(self, kind: ProblemKind, detail: str) -> None:
        self.kind = kind
        self.detail = detail
        super().__init__(kind, detail)


class RenderProcess:
    """One rendering process, for one thread at a time; a context manager that leaves nothing running.

    Raises:
        RendererUnavailableError: the process does not come up.
    """

    def __init__(self, limits: RenderLimits) -> None:
        self._limits = limits
        # -I: no environment, no current folder, no user packages. Own session: Ctrl-C is the parent's.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", str(_PROGRAM), json.dumps(asdict(limits))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
            bufsize=0,
            close_fds=True,
            start_new_session=True,
        )
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RendererUnavailableError("no pipes to the rendering process")
        self._in, self._out = stdin.fileno(), stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        try:
            self._receive(time.monotonic() + _START_S)
        except ChildLostError as error:
            self.close()
            raise RendererUnavailableError(error.detail) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        """Send one request and wait for its answer, a little longer than the process's own limit.

        Raises:
            ChildLostError: no answer in time, or no process any more. It is stopped; start another one.
            TypeError: the request holds something other than plain JSON values. Nothing was sent.
        """
        line = json.dumps(request).encode() + b"\n"
        deadline = time.monotonic() + self._limits.wall_s + _GRACE_S
        try:
            self._send(line, deadline)
            return self._receive(deadline)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop the process at once, whatever it does, and wait for its end."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()

    def _send(self, data: bytes, deadline: float) -> None:
        rest = memoryview(data)
        while rest:
            self._wait(self._in, select.POLLOUT, deadline)
            try:
                rest = rest[os.write(self._in, rest[:_CHUNK]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as error:
                raise self._ended() from error

    def _receive(self, deadline: float) -> dict[str, Any]:
        # A character of the text takes at most six bytes in JSON.
        limit = 6 * self._limits.output_bytes + _CHUNK
        reply = bytearray()
        while not reply.endswith(b"\n"):
            self._wait(self._out, select.POLLIN, deadline)
            data = os.read(self._out, _CHUNK)
            if not data:
                raise self._ended()
            reply += data
            if len(reply) > limit:
                raise ChildLostError(ProblemKind.OUTPUT, f"{shown_bytes(self._limits.output_bytes)} of text")
        return self._decode(bytes(reply))

    def _decode(self, reply: bytes) -> dict[str, Any]:
        try:
            value = json.loads(reply)
        except ValueError as error:
            raise ChildLostError(ProblemKind.CRASHED, "an answer that is not JSON") from error
        if not isinstance(value, dict):
            raise ChildLostError(ProblemKind.CRASHED, "an answer of the wrong shape")
        return value

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(math.ceil(left * 1000)):
            raise ChildLostError(ProblemKind.TIMEOUT, f"{self._limits.wall_s:g} s")

    def _ended(self) -> ChildLostError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_GRACE_S)
        code = self._process.returncode
        if code == -signal.SIGXCPU:
            return ChildLostError(ProblemKind.TIMEOUT, f"{self._limits.cpu_s} s of CPU time")
        if code is not None and code < 0:
            return ChildLostError(ProblemKind.CRASHED, signal.Signals(-code).name)
        return ChildLostError(ProblemKind.CRASHED, f"exit status {code}")

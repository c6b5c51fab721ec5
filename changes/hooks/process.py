"""Calling a hook: one process for one call, ended with all that it started when its time is over."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from changes.domain.hooks import HookCallState
from changes.hooks.interface import POINTS, HookEvent

PREFIX: Final = "COUNTERSIGN_HOOK_"
"""Variables of the environment that hooks see; no other name of the portal's environment reaches them."""
DESCRIBE_LIMIT_S: Final = 10
_PASSED: Final = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "VIRTUAL_ENV")
_ROOT: Final = Path(__file__).resolve().parents[2]
_ANSWER_LIMIT: Final = 64 * 1024
_GRACE_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call; ``sentence`` is the hook's own or says what was wrong, ``duration_ms`` by the clock."""

    state: HookCallState
    sentence: str = ""
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class Description:
    """What a hook says of itself; ``problem`` is set when it said nothing that can be used."""

    api: int = 0
    points: tuple[str, ...] = ()
    problem: str = ""


def describe(name: str, *, limit_s: int = DESCRIBE_LIMIT_S, environ: Mapping[str, str] | None = None) -> Description:
    """Ask a hook for its interface version and its points. Never raises because of the hook."""
    answer, said = _ask({"do": "describe", "name": name, "limit_s": limit_s}, limit_s, environ or {})
    if answer is not None:
        return Description(problem=answer.sentence)
    points, api = said.get("points"), said.get("api")
    if not isinstance(points, list) or not set(map(str, points)) <= set(POINTS) or not points:
        return Description(problem=f"Its points are not among: {', '.join(POINTS)}.")
    if not isinstance(api, int) or isinstance(api, bool):
        return Description(problem="It does not say for which version of the interface it was written.")
    return Description(api=api, points=tuple(dict.fromkeys(map(str, points))))


def call(name: str, event: HookEvent, *, limit_s: int, environ: Mapping[str, str] | None = None) -> Answer:
    """Call a hook in a process of its own and wait for at most ``limit_s`` seconds. Never raises because of the hook.

    ``environ`` are further variables for it. The process and whatever it started in its session are killed afterwards.
    """
    began = time.monotonic()
    request = {"do": "call", "name": name, "limit_s": limit_s, "event": asdict(event)}
    trouble, said = _ask(request, limit_s, environ or {})
    spent = int((time.monotonic() - began) * 1000)
    if trouble is not None:
        return Answer(trouble.state, trouble.sentence, spent)
    if said.get("agrees") is True:
        return Answer(HookCallState.ANSWERED, "", spent)
    if isinstance(said.get("objection"), str):
        return Answer(HookCallState.OBJECTED, str(said["objection"]), spent)
    return Answer(HookCallState.BAD_ANSWER, str(said.get("trouble") or "Its answer cannot be read."), spent)


def _ask(
    request: Mapping[str, object], limit_s: int, environ: Mapping[str, str]
) -> tuple[Answer | None, dict[str, Any]]:
    process = subprocess.Popen(
        [sys.executable, "-X", "utf8", "-m", "changes.hooks.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
        env=_environment(environ),
        bufsize=0,
        close_fds=True,
        start_new_session=True,
    )
    try:
        line = _exchange(process, json.dumps(request).encode() + b"\n", time.monotonic() + limit_s)
    except TimeoutError:
        return Answer(HookCallState.TIMED_OUT, f"It did not answer within {limit_s} s and was ended."), {}
    except _TooLongError:
        return Answer(HookCallState.BAD_ANSWER, "Its answer is too long."), {}
    finally:
        _end(process)
    return _read(line, process.returncode)


class _TooLongError(Exception):
    """More came than an answer may have."""


def _exchange(process: subprocess.Popen[bytes], request: bytes, deadline: float) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise TimeoutError
    with contextlib.suppress(BrokenPipeError):
        # One request is smaller than a pipe's buffer unless a wave names very many devices; then the child reads it.
        os.set_blocking(process.stdin.fileno(), False)
        _write(process.stdin.fileno(), request, deadline)
    process.stdin.close()
    out, answer = process.stdout.fileno(), b""
    while not answer.endswith(b"\n"):
        _wait(out, select.POLLIN, deadline)
        data = os.read(out, 65_536)
        answer += data
        if len(answer) > _ANSWER_LIMIT:
            raise _TooLongError
        if not data:
            break
    return answer


def _write(descriptor: int, data: bytes, deadline: float) -> None:
    while data:
        _wait(descriptor, select.POLLOUT, deadline)
        with contextlib.suppress(BlockingIOError):
            data = data[os.write(descriptor, data[:4096]) :]


def _wait(descriptor: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(int(left * 1000) + 1):
        raise TimeoutError


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_GRACE_S)
    # The whole session: a hook may have started programs that outlive it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait()


def _read(line: bytes, status: int | None) -> tuple[Answer | None, dict[str, Any]]:
    if not line:
        return Answer(HookCallState.CRASHED, f"Its process ended without an answer (status {status})."), {}
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        return Answer(HookCallState.BAD_ANSWER, "Its answer cannot be read."), {}
    if "crash" in said:
        return Answer(HookCallState.CRASHED, str(said["crash"])), {}
    return None, said


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name in _PASSED or name.startswith(PREFIX)}
    # The same packages as here, wherever they were found.
    paths = os.pathsep.join([str(_ROOT), *(path for path in sys.path if path)])
    return {**own, **extra, "PYTHONPATH": paths, "PYTHONSAFEPATH": "1"}

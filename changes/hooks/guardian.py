"""Ending a hook with all that it started when nobody waits for it any more. Standard library only."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Final, NoReturn

_LOOK_S: Final = 0.5
_LATE_S: Final = 2.0
"""So long after the time limit the worker itself has ended the hook, unless it was lost."""


def stand_guard(limit_s: float, *, answers: int) -> None:
    """Fork: the new process returns and calls the hook; this one waits for it and never returns.

    A worker ends its hooks itself. One that was killed cannot, and a hook that hangs would stay for ever with whatever
    it started. So this process ends its whole group when its own parent is gone, or when the time is long over. It
    ends as the new process ended. ``answers`` is the descriptor of the answer, which the new process alone keeps.
    """
    worker = os.getppid()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        return
    for descriptor in (0, answers):
        os.close(descriptor)
    _wait(child, worker, time.monotonic() + limit_s + _LATE_S)


def _wait(child: int, worker: int, over: float) -> NoReturn:
    while True:
        signal.sigtimedwait({signal.SIGCHLD}, _LOOK_S)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            _end_like(os.waitstatus_to_exitcode(status))
        if os.getppid() != worker or time.monotonic() > over:
            os.killpg(0, signal.SIGKILL)


def _end_like(code: int) -> NoReturn:
    if code < 0:
        with contextlib.suppress(OSError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 1)

"""A runner in a process of its own, as a worker has it.

It is forked from a server that has loaded the product once for the session: to start Python and load it all takes
longer than what most tests want to see of a runner. The server inherits no connection, thread or socket of the tests.
"""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing import forkserver
from unittest import mock

import django
from django.apps import apps
from django.conf import settings

if not apps.ready:  # in the server
    django.setup()

from changes.models import Run
from changes.services.execution import run_devices

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["pytest", __name__])


class RunnerProcess:
    """Works on a run until it has nothing to do there; ``environment`` says which database."""

    def __init__(self, run: Run, environment: dict[str, str]) -> None:
        with mock.patch.dict(os.environ, environment):
            forkserver.ensure_running()
        self._process = _CONTEXT.Process(target=_work, args=(run.pk, settings.DEVICE_CREDENTIALS))
        self._process.start()

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process.pid is not None
        return self._process.pid

    def wait(self, timeout: float = 30) -> int:
        """Its exit code; negative is the signal that ended it."""
        self._process.join(timeout)
        assert self._process.exitcode is not None, f"the runner did not end within {timeout} s"
        return self._process.exitcode


def _work(run_id: int, credentials: str) -> None:
    settings.DEVICE_CREDENTIALS = credentials
    run_devices(run_id)

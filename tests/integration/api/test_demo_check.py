"""The check of `manage.py demo --exit-after-check`: the whole story, and its sentences when something is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from portal.demo.check import STEPS, run_check
from portal.environment import BASE_DIR
from tests.integration.supervision.test_demo import environment, free_port
from tests.integration.supervision.test_demo import home as home  # noqa: PLC0414 - a fixture, used below
from tests.integration.supervision.test_demo import migrated_home as migrated_home  # noqa: PLC0414 - a fixture, too


class Everybody:
    def password(self, username: str) -> str:
        return f"the password of {username}"


def test_without_a_server_it_fails_with_a_sentence() -> None:
    said: list[str] = []
    assert run_check(f"http://127.0.0.1:{free_port()}", Everybody(), say=said.append) == 1
    [line] = said
    assert line.startswith("The check failed at “people sign in”: POST /api/v1/tokens/ got no answer")


def test_without_the_demos_people_it_fails_with_what_the_server_said(live_server: LiveServer) -> None:
    said: list[str] = []
    assert run_check(live_server.url, Everybody(), say=said.append) == 1
    [line] = said
    assert "olivia: POST /api/v1/tokens/ ended with 401 instead of 201" in line
    assert "the password of" not in line


@pytest.mark.lab
@pytest.mark.workers
@pytest.mark.timeout(300)
def test_the_demo_drives_one_change_from_draft_to_closed_and_exits_0(migrated_home: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), "demo", "--exit-after-check", "--port", str(free_port())],
        env=environment(migrated_home),
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    steps = re.findall(r"^ +\d+\.\d s  (.*)$", done.stdout, re.MULTILINE)
    assert len(steps) == len(STEPS)
    assert "the run ends as partial: 7 succeeded, 1 rolled back" in done.stdout
    assert re.search(r"fra-acc-05: The device refused line 3 of 3, “banner motd", done.stdout)
    assert "every step of the story is in both" in steps[-1]
    assert done.stdout.rstrip().splitlines()[-1].startswith("Stopped.")

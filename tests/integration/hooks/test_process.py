"""One hook, one process: what it may do, and what cannot come of it."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from changes.domain.hooks import HookCallState
from changes.hooks.interface import ChangeInfo, HookEvent, PlanInfo
from changes.hooks.process import Answer, call, describe
from changes.hooks.registry import installed_hook, installed_hooks

ROOT = Path(__file__).parents[3]
EVENT = HookEvent(
    api=1,
    point="before_wave",
    id="1-x",
    at="2026-03-04T05:06:07+00:00",
    change=ChangeInfo(
        1, "CHG-00001", "Title", "normal", "implementing", "olivia", "https://portal.example.net/changes/1/"
    ),
    plan=PlanInfo(1, "ready", "0" * 64, 1),
)


def answer_of(name: str, limit_s: int = 5) -> Answer:
    return call(name, EVENT, limit_s=limit_s)


def test_installed_hooks_are_listed_with_package_and_version_and_nothing_of_them_is_imported(hooks: Path) -> None:
    found = {hook.name: hook for hook in installed_hooks()}
    assert (found["watcher"].distribution, found["watcher"].version) == ("acme-hooks", "2.5")
    assert {"webhook", "email"} <= found.keys()
    assert found["webhook"].is_own
    assert not found["watcher"].is_own
    assert found["bad name"].problem
    assert installed_hook("bad name") is None


def test_a_name_that_two_packages_claim_is_called_from_neither(
    hooks: Path, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other-1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1\n")
    (other / "entry_points.txt").write_text("[countersign.hooks]\nwebhook = acme_hooks:Watcher\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed_hook("webhook") is None
    assert all(hook.problem for hook in installed_hooks() if hook.name == "webhook")


def test_a_hook_says_what_it_is(hooks: Path) -> None:
    said = describe("watcher")
    assert (said.api, said.points[0], said.problem) == (1, "before_plan", "")
    assert describe("pointless").problem
    assert describe("absent").problem
    assert describe("broken").problem
    assert describe("future").api == 2


def test_a_hook_agrees_or_objects(hooks: Path) -> None:
    assert answer_of("watcher").state is HookCallState.ANSWERED
    assert hooks.read_text().split()[:2] == ["before_wave", "CHG-00001"]
    assert answer_of("forker").state is HookCallState.ANSWERED
    found = answer_of("objector")
    assert (found.state, found.sentence) == (HookCallState.OBJECTED, "The site has a festival on.")


def test_a_hook_that_hangs_is_ended_with_all_that_it_started(hooks: Path) -> None:
    began = time.monotonic()
    found = answer_of("hanger", limit_s=1)
    assert found.state is HookCallState.TIMED_OUT
    assert time.monotonic() - began < 3


def test_a_hook_whose_worker_was_killed_is_ended_with_all_that_it_started(hooks: Path) -> None:
    worker = "; ".join(
        [
            "import sys; sys.path.append(sys.argv[1])",
            "from changes.hooks.process import call",
            "from tests.integration.hooks.test_process import EVENT",
            "call('sleeper', EVENT, limit_s=60)",
        ]
    )
    process = subprocess.Popen([sys.executable, "-c", worker, sys.path[-1]], cwd=ROOT)
    try:
        wait_until(lambda: len(hooks.read_text().split()) == 2)
    finally:
        process.kill()
        process.wait()
    pids = [int(pid) for pid in hooks.read_text().split()]
    wait_until(lambda: not any(map(is_running, pids)))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(holds: Callable[[], bool], within_s: float = 10.0) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("crasher", HookCallState.CRASHED),
        ("killer", HookCallState.CRASHED),
        ("liar", HookCallState.BAD_ANSWER),
        ("hungry", HookCallState.CRASHED),
        ("future", HookCallState.BAD_ANSWER),
    ],
)
def test_what_gives_no_usable_answer_is_told_apart(hooks: Path, name: str, state: HookCallState) -> None:
    found = answer_of(name)
    assert found.state is state
    assert found.sentence


def test_a_flood_is_cut(hooks: Path) -> None:
    found = answer_of("flooder")
    assert found.state is HookCallState.OBJECTED
    assert len(found.sentence) <= 2_000


def test_a_hook_sees_no_secret_and_no_setting_of_the_portal(hooks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("SECRET_KEY", "x" * 40)
    monkeypatch.setenv("COUNTERSIGN_HOOK_OWN_SECRET", "mine")
    assert answer_of("spy").sentence == "saw ['COUNTERSIGN_HOOK_OWN_SECRET'] False"

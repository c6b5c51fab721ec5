"""One hook, one process: what it may do, and what cannot come of it."""

import time
from pathlib import Path

import pytest

from changes.domain.hooks import HookCallState
from changes.hooks.interface import ChangeInfo, HookEvent, PlanInfo
from changes.hooks.process import Answer, call, describe
from changes.hooks.registry import installed_hook, installed_hooks

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
    found = answer_of("objector")
    assert (found.state, found.sentence) == (HookCallState.OBJECTED, "The site has a festival on.")


def test_a_hook_that_hangs_is_ended_with_all_that_it_started(hooks: Path) -> None:
    began = time.monotonic()
    found = answer_of("hanger", limit_s=1)
    assert found.state is HookCallState.TIMED_OUT
    assert time.monotonic() - began < 3


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

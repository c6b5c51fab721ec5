"""The diff is right (patch agrees), small, readable, and the same on every page."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.domain.diffing import diff_stat, diff_view, unified_diff

LINES = st.sampled_from(["!", "interface A", " ip address 1", " shutdown", " description x", "ntp server 1", "end", ""])
TEXTS = st.lists(LINES, max_size=30).map(lambda lines: "".join(f"{line}\n" for line in lines))


def applied(before: str, unified: str) -> str:
    """The text that the diff makes of ``before``: an independent few lines of patching."""
    old = before.split("\n")[:-1]
    out: list[str] = []
    at = 0
    for hunk in diff_view(unified):
        out += old[at : hunk.old_start - 1]
        at = hunk.old_start - 1
        for row in hunk.rows:
            if row.kind != "add":
                assert old[at] == row.text
                at += 1
            if row.kind != "del":
                out.append(row.text)
    return "".join(f"{line}\n" for line in out + old[at:])


@given(TEXTS, TEXTS)
def test_applying_the_diff_gives_the_other_text(before: str, after: str) -> None:
    assert applied(before, unified_diff(before, after)) == after


@given(TEXTS, TEXTS, st.integers(0, 5))
def test_counts_and_views_agree(before: str, after: str, context: int) -> None:
    unified = unified_diff(before, after, context=context)
    stat, hunks = diff_stat(unified), diff_view(unified)
    rows = [row for hunk in hunks for row in hunk.rows]
    assert stat.added == sum(row.kind == "add" for row in rows)
    assert stat.removed == sum(row.kind == "del" for row in rows)
    for hunk in hunks:
        left = [pair[0] for pair in hunk.pairs if pair[0] is not None]
        right = [pair[1] for pair in hunk.pairs if pair[1] is not None]
        assert [row.text for row in left] == [row.text for row in hunk.rows if row.kind != "add"]
        assert [row.text for row in right] == [row.text for row in hunk.rows if row.kind != "del"]


@given(TEXTS)
def test_equal_texts_have_no_diff(text: str) -> None:
    assert unified_diff(text, text) == ""
    assert diff_view("") == ()


@pytest.mark.skipif(not shutil.which("patch"), reason="the patch program is not installed")
@pytest.mark.parametrize("seed", range(10))
def test_the_patch_program_agrees(tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)
    before = [f"line {random_.randint(1, 40)}" for _ in range(200)]
    after = [line for line in before if random_.random() > 0.1]
    for _ in range(10):
        after.insert(random_.randrange(len(after)), f" new {random_.randint(1, 9)}")
    (tmp_path / "config").write_text("\n".join(before) + "\n")
    diff = unified_diff("\n".join(before) + "\n", "\n".join(after) + "\n")
    subprocess.run(["patch", "-s", str(tmp_path / "config")], input=diff.encode(), check=True, cwd=tmp_path)
    assert (tmp_path / "config").read_text() == "\n".join(after) + "\n"


def test_a_new_block_begins_with_its_header() -> None:
    before = "interface A\n shutdown\n!\ninterface C\n shutdown\n!\n"
    after = "interface A\n shutdown\n!\ninterface B\n shutdown\n!\ninterface C\n shutdown\n!\n"
    added = [row.text for hunk in diff_view(unified_diff(before, after)) for row in hunk.rows if row.kind == "add"]
    assert added == ["interface B", " shutdown", "!"]


def test_the_section_of_a_change_is_named() -> None:
    before = "interface Vlan10\n" + "".join(f" option {n}\n" for n in range(20)) + "!\nntp server 1\n"
    hunks = diff_view(
        unified_diff(before, before.replace(" option 15\n", " option 99\n").replace("ntp server 1", "ntp server 2"))
    )
    assert hunks[0].section == "interface Vlan10"


def test_hidden_lines_are_counted_and_can_be_found() -> None:
    before = "".join(f"line {n}\n" for n in range(1, 101))
    hunks = diff_view(unified_diff(before, before.replace("line 50\n", "line L\n").replace("line 90\n", "")))
    assert [(hunk.hidden_from, hunk.hidden_before) for hunk in hunks] == [(1, 46), (54, 33)]


def test_only_the_words_that_differ_are_marked() -> None:
    hunks = diff_view(unified_diff("ntp server 10.0.0.1\n", "ntp server 10.0.0.9 prefer\n"))
    old, new = hunks[0].rows
    assert [s.text for s in old.segments if s.changed] == ["1"]
    assert "".join(s.text for s in new.segments if s.changed) == "9 prefer"


def test_a_missing_newline_at_the_end_is_said() -> None:
    assert "\\ No newline at end of file" in unified_diff("a\n", "a")


def test_the_diff_of_a_large_configuration_is_nearly_minimal() -> None:
    """Against git's minimal diff: at most a tenth more edited lines (20,000 lines, 500 of them changed)."""
    random_ = random.Random(7)
    before = [f" option {random_.randint(1, 3000)}" if n % 7 else f"interface {n}" for n in range(20_000)]
    after = list(before)
    for at in random_.sample(range(len(after)), 500):
        after[at] = f" changed {at}"
    stat = diff_stat(unified_diff("\n".join(before) + "\n", "\n".join(after) + "\n"))
    assert stat.added + stat.removed <= 1.1 * 1000


def _switch(interfaces: int) -> list[str]:
    blocks = (
        f"interface Gi{n // 48}/0/{n % 48}\n description port {n}\n switchport access vlan {10 + n % 50}\n"
        " switchport mode access\n spanning-tree portfast"
        for n in range(interfaces)
    )
    return [line for block in blocks for line in block.split("\n")]


def _edited(lines: list[str], edits: int, random_: random.Random) -> list[str]:
    after = list(lines)
    for at in random_.sample(range(len(after)), edits):
        after[at] = random_.choice([f"{after[at]} x", "", f"{after[at]}\n new {random_.randint(1, 9)}"])
    return [piece for line in after if line for piece in line.split("\n")]


def _edit_lines(*command: str) -> int:
    out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return sum(line[:1] in "+-" and line[:3] not in {"+++", "---"} for line in out.splitlines() if line)


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
@pytest.mark.parametrize("kind", ["edited", "block moved", "repetitive text", "nothing in common"])
def test_edits_are_close_to_the_fewest_that_git_finds(tmp_path: Path, kind: str) -> None:
    random_ = random.Random(5)
    before = _switch(4_000)
    if kind == "repetitive text":
        before = [random_.choice([" permit ip any any", " deny ip any any", " shutdown"]) for _ in range(20_000)]
    after = _edited(before, 500, random_)
    if kind == "block moved":
        after[15_000:15_000] = after[3_000:3_150]
        del after[3_000:3_150]
    elif kind == "nothing in common":
        after = [f"{line} y" for line in before]
    for name, lines in (("old", before), ("new", after)):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    old, new = tmp_path / "old", tmp_path / "new"
    fewest = _edit_lines("git", "diff", "--no-index", "--minimal", str(old), str(new))
    stat = diff_stat(unified_diff(old.read_text(), new.read_text()))
    assert fewest <= stat.added + stat.removed <= 1.1 * fewest


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
@given(before=TEXTS, after=TEXTS)
def test_git_apply_agrees(tmp_path_factory: pytest.TempPathFactory, before: str, after: str) -> None:
    if before == after or not before:
        return
    folder = tmp_path_factory.mktemp("apply")
    (folder / "running").write_text(before)
    diff = unified_diff(before, after).replace("--- running\n+++ intended", "--- a/running\n+++ b/running", 1)
    subprocess.run(["git", "apply", "--unidiff-zero", "-"], input=diff.encode(), check=True, cwd=folder)
    assert (folder / "running").read_text() == after


def test_other_line_separators_do_not_end_a_line() -> None:
    diff = unified_diff(" description a\x0cb\u2028c\n", " description a\x0cb\u2028d\n")
    assert diff.count("\n") == 5


def test_500_edits_in_20000_lines_take_a_fraction_of_a_second() -> None:
    random_ = random.Random(1)
    before = _switch(4_000)
    after = _edited(before, 500, random_)
    started = time.process_time()
    unified_diff("\n".join(before) + "\n", "\n".join(after) + "\n")
    # About 0.014 s of CPU; the limit leaves room for a slow machine and still excludes what difflib needs (1 s).
    assert time.process_time() - started < 0.2


@given(TEXTS, TEXTS)
def test_the_section_is_the_last_header_above_the_first_change(before: str, after: str) -> None:
    old = before.split("\n")
    for hunk in diff_view(unified_diff(before, after)):
        first = next(row for row in hunk.rows if row.kind != "context")
        if first.kind == "add" or not first.text[:1].isspace():
            continue
        above = [line for line in old[: (first.old_number or 1) - 1] if line.strip() and not line[:1].isspace()]
        assert hunk.section == (above[-1] if above and above[-1] != "!" else "")

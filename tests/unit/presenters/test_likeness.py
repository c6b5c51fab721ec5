import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from devices.domain.diffing import unified_diff
from portal.presenters.likeness import likeness, placed_changes


def payload(diff: str, **fields: Any) -> str:  # noqa: ANN401 - any JSON value
    content = {
        "commands": ["a"], "backout": ["b"], "pre_checks": [], "post_checks": [], "strategy": {}, "driver": "x",
        "device": {"name": "d"}, "baseline_sha256": "0", "expected_diff": diff,
    }  # fmt: skip
    return json.dumps({**content, **fields})


def config(*interfaces: str, line: str = "") -> str:
    blocks = "".join(f"interface {name}\n mtu 1500\n{line if name == interfaces[-1] else ''}!\n" for name in interfaces)
    return f"hostname x\n{blocks}end\n"


def test_changed_line_is_placed_under_its_block() -> None:
    diff = unified_diff(config("Gi1", "Gi2"), config("Gi1", "Gi2", line=" shutdown\n"))
    assert list(placed_changes(diff)) == [("+ shutdown", "interface Gi2")]


def test_header_out_of_sight_counts_by_the_sections_name() -> None:
    before = "router bgp 1\n" + "".join(f" neighbor 192.0.2.{n} shutdown\n" for n in range(20))
    diff = unified_diff(before, before.replace(" neighbor 192.0.2.15 shutdown\n", ""))
    assert list(placed_changes(diff)) == [("- neighbor 192.0.2.15 shutdown", "router bgp 1")]


def test_lines_that_look_like_headers_of_the_diff_are_lines() -> None:
    diff = unified_diff("-- a\n", "++ b\n")
    assert [line for line, _place in placed_changes(diff)] == ["--- a", "+++ b"]


def test_same_line_in_another_block_is_not_alike() -> None:
    first = unified_diff(config("Gi1"), config("Gi1", line=" shutdown\n"))
    second = unified_diff(config("Gi2"), config("Gi2", line=" shutdown\n"))
    assert likeness(payload(first)) != likeness(payload(second))


def test_position_surroundings_device_and_baseline_do_not_count() -> None:
    one = unified_diff("a\nb\n", "a\nb\nntp server x\n")
    two = unified_diff(
        "".join(f"line {n}\n" for n in range(50)), "".join(f"line {n}\n" for n in range(50)) + "ntp server x\n"
    )
    assert likeness(payload(one)) == likeness(payload(two, device={"name": "e"}, baseline_sha256="1"))


def test_commands_backout_and_checks_count() -> None:
    diff = unified_diff("a\n", "b\n")
    prints = {
        likeness(payload(diff)),
        likeness(payload(diff, commands=["c"])),
        likeness(payload(diff, backout=["c"])),
        likeness(payload(diff, post_checks=[{"name": "x"}])),
        likeness(payload(diff, strategy={"max_parallel": 1})),
    }
    assert len(prints) == 5


def test_the_wave_of_a_device_does_not_count() -> None:
    diff = unified_diff("a\n", "b\n")
    waves = {likeness(payload(diff, strategy={"canary": 1, "wave": wave})) for wave in (1, 2)}
    assert len(waves) == 1
    assert likeness(payload(diff, strategy={"canary": 2, "wave": 1})) not in waves


@given(st.text())
def test_payload_that_cannot_be_read_is_like_itself_alone(text: str) -> None:
    assert likeness(text) == likeness(text)
    assert likeness(text) != likeness(text + "x")


LINES = st.lists(st.sampled_from(["interface a", " mtu 1", " shutdown", "!", "ntp x", "  deep"]), max_size=12)


@given(LINES, LINES)
def test_every_changed_line_is_placed_once(before: list[str], after: list[str]) -> None:
    diff = unified_diff("".join(f"{line}\n" for line in before), "".join(f"{line}\n" for line in after))
    changed = [line for line in diff.split("\n")[2:] if line[:1] in {"+", "-"}]
    assert [line for line, _place in placed_changes(diff)] == changed

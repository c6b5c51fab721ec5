"""Draws docs/states.md from the tables: ``python -m changes.domain.diagram < docs/states.md`` prints it anew."""

import sys
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final, TypeVar

from changes.domain.labels import Labelled
from changes.domain.run_states import (
    DEVICE_AFTER_WRITE,
    DEVICE_BEFORE_WRITE,
    DEVICE_ENDED,
    DEVICE_TRANSITIONS,
    RUN_TRANSITIONS,
    DeviceRunState,
)
from changes.domain.states import ENDED, TRANSITIONS, ChangeState, ChangeType, Transition

_State = TypeVar("_State", bound=Labelled)

_ENDS: Final = {
    DeviceRunState.SUCCEEDED: "all of them; checked and saved",
    DeviceRunState.FAILED: "none",
    DeviceRunState.ROLLED_BACK: "some or all, and taken back; the device is at its baseline",
    DeviceRunState.ROLLBACK_FAILED: "some or all, and not fully taken back: people repair the device",
    DeviceRunState.SKIPPED: "none",
    DeviceRunState.BLOCKED: "none: a gate refused",
    DeviceRunState.UNKNOWN: "unknown: people decide",
    DeviceRunState.ROLLBACK_PENDING: "all of them, or a part after a backout that failed; nothing more is sent yet",
}


def renewed(page: str) -> str:
    """The page with everything between ``<!-- begin NAME -->`` and ``<!-- end NAME -->`` drawn from the tables."""
    blocks = {
        "change-diagram": change_diagram(),
        "change-table": change_table(),
        "run-diagram": steps_diagram(RUN_TRANSITIONS),
        "device-run-diagram": steps_diagram(DEVICE_TRANSITIONS, ends=DEVICE_ENDED),
        "device-run-table": device_run_table(),
    }
    for name, block in blocks.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        before, _, rest = page.partition(begin)
        _, found, after = rest.partition(end)
        if found:
            page = f"{before}{begin}\n{block}\n{end}{after}"
    return page


def change_diagram() -> str:
    """The change request's states as a Mermaid state diagram."""
    edges = [f"[*] --> {ChangeState.DRAFT}"]
    for row in TRANSITIONS:
        edges += [f"{source} --> {row.target}: {_event(row)}" for source in _ordered(row.sources, ChangeState)]
    edges += [f"{state} --> [*]" for state in _ordered(ENDED, ChangeState)]
    return _mermaid(edges)


def change_table() -> str:
    """The change request's transitions as a Markdown table."""
    rows = ["| from | event | to | who | guard |", "| --- | --- | --- | --- | --- |"]
    for row in TRANSITIONS:
        sources = ", ".join(_ordered(row.sources, ChangeState))
        rows.append(f"| {sources} | {_event(row)} | {row.target} | {row.actors} | {row.guard} |")
    return "\n".join(rows)


def steps_diagram(table: Mapping[_State, AbstractSet[_State]], *, ends: AbstractSet[_State] = frozenset()) -> str:
    """A table of steps without events as a Mermaid state diagram; the first state is where it begins.

    ``ends`` are ends that a person may lead on from; those without any way on are ends in any case.
    """
    first = next(iter(table))
    edges = [f"[*] --> {first}"]
    for source, targets in table.items():
        edges += [f"{source} --> {target}" for target in table if target in targets]
    edges += [f"{state} --> [*]" for state, targets in table.items() if not targets or state in ends]
    return _mermaid(edges)


def device_run_table() -> str:
    """What each state of a device run says about the device, as a Markdown table."""
    rows = ["| state | configuration lines sent? |", "| --- | --- |"]
    for state in DeviceRunState:
        sent = _ENDS.get(state, "")
        if state in DEVICE_BEFORE_WRITE:
            sent = "none: a lost worker's run starts again"
        elif state in DEVICE_AFTER_WRITE:
            sent = "perhaps: after a loss the device is read back before anything else is sent"
        rows.append(f"| {state} | {sent} |")
    return "\n".join(rows)


def _event(row: Transition) -> str:
    if row.types == frozenset(ChangeType):
        return row.event
    types = [f"pre-approved {kind}" if row.pre_approved else kind for kind in _ordered(row.types, ChangeType)]
    return f"{row.event} ({', '.join(types)})"


def _ordered(members: AbstractSet[_State], kind: type[_State]) -> list[_State]:
    return [member for member in kind if member in members]


def _mermaid(edges: list[str]) -> str:
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"    {edge}" for edge in edges), "```"])


if __name__ == "__main__":
    sys.stdout.write(renewed(sys.stdin.read()))

"""The small fixed part of chaos that runs with all other tests, and the seeds that once found something. Pure."""

from __future__ import annotations

from typing import Final

from tests.chaos.schedules import Fault, Schedule, random_schedule

_F = Fault

REGRESSIONS: Final[tuple[tuple[str, int], ...]] = ()
"""Kind and seed of random schedules that failed; each stays here for good."""

SAMPLE: Final = (
    Schedule(
        "the moments around a line, over SSH",
        "cli",
        {
            0: {"applying: intent written": _F.KILL},
            1: {"line 2: taken": _F.KILL_AND_REBOOT},
            2: {"line 3: outcome written": _F.KILL},
            3: {"saving: intent written": _F.CUT},
        },
        workers=4,
    ),
    Schedule(
        "a worker that slept while the database lost its locks, over SSH",
        "cli",
        {0: {"line 2: intent written": _F.STOP_AND_DATABASE}},
    ),
    Schedule(
        "a worker and the database killed together, over eAPI",
        "eos",
        {0: {"awaiting_confirm: intent written": _F.KILL_AND_DATABASE}},
    ),
    Schedule(
        "the moments around a commit under its timer, over eAPI",
        "eos",
        {
            0: {"line 3: intent written": _F.KILL},
            1: {"line 3: taken": _F.KILL},
            2: {"awaiting_confirm: before its outcome": _F.KILL},
            3: {"saving: intent written": _F.REBOOT},
        },
        workers=4,
    ),
    Schedule(
        "the moments around a line of an ordered rollback, over SSH",
        "cli",
        {
            0: {"way back: on record: intent written": _F.KILL},
            1: {"line back 2: intent written": _F.KILL},
            2: {"line back 3: outcome written": _F.KILL},
            3: {"rolled_back: before the end": _F.KILL},
        },
        rolls_back=True,
        beside=frozenset({1, 2}),
        workers=4,
    ),
    Schedule(
        "the moments around the commit of an ordered rollback, over eAPI",
        "eos",
        {
            0: {"line back 1: intent written": _F.KILL},
            1: {"line back 1: taken": _F.KILL},
            2: {"way back: intent written": _F.KILL},
        },
        rolls_back=True,
        workers=3,
    ),
)


def sample(*, devices: int) -> list[Schedule]:
    """The fixed schedules, then those that once failed."""
    return [*SAMPLE, *(random_schedule(kind, seed, devices=devices) for kind, seed in REGRESSIONS)]

"""``python -m tests.chaos``: play schedules, print what was found and a table; exit 1 when anything was found."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.chaos.schedules import Fault, Schedule, Way
    from tests.chaos.session import Session


def main() -> int:
    """Read the arguments, play, print."""
    arguments = _arguments()
    # An end by SIGTERM ends what was started here, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="countersign-chaos-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o755)
        for name in ("COUNTERSIGN_TEST_SESSION", "DATABASE_URL"):
            os.environ.pop(name, None)
        os.environ["COUNTERSIGN_HOME"] = os.environ["COUNTERSIGN_TEST_HOME"] = str(home / "home")
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.chaos.settings"
        import django

        django.setup()
        return _play(arguments, home)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kinds", default="cli,eos", help="cli (SSH), eos (eAPI), frr (real routers; needs root)")
    parser.add_argument("--every-point", action="store_true", help="each fault at each point, one after the other")
    parser.add_argument("--faults", default="", help="with --every-point: only these, by commas")
    parser.add_argument("--seeds", default="", help="random schedules, such as 1-50 or 7,12")
    parser.add_argument("--ways", default="", help="with --every-point: straight, rolled back, … by commas")
    parser.add_argument("--rollback-seeds", default="", help="random schedules that disturb ordered rollbacks")
    parser.add_argument("--sample", action="store_true", help="the fixed sample that `make test` plays")
    parser.add_argument("--some", type=int, default=0, metavar="N", help="of all schedules only every Nth")
    parser.add_argument("--wait-while", type=Path, metavar="FILE", help="pause between schedules while it exists")
    parser.add_argument("--log", type=Path, help="write each schedule's result to this file, too")
    return parser.parse_args()


def _play(arguments: argparse.Namespace, home: Path) -> int:
    from tests.chaos.judge import Verdict
    from tests.chaos.session import session, table

    rows: list[tuple[str, str, Verdict]] = []
    bad = 0
    with session(home, arguments.kinds.split(",")) as stage:
        for number, (group, schedule) in enumerate(_schedules(arguments, stage)):
            if arguments.some and number % arguments.some:
                continue
            while arguments.wait_while and arguments.wait_while.exists():
                time.sleep(1)
            began = time.monotonic()
            verdict = stage.play(schedule)
            rows.append((schedule.kind, group, verdict))
            words = f"{time.monotonic() - began:6.1f} s  {verdict.label}: {dict(verdict.ends)}"
            if not verdict.is_clean:
                bad += 1
                words = "\n   ".join((f"{words} FOUND", *verdict.findings()[:12], "events:", *verdict.events))
            sys.stdout.write(f"{words}\n")
            sys.stdout.flush()
            if arguments.log:
                with arguments.log.open("a") as log:
                    log.write("\n     ".join((words, *verdict.codes, *verdict.events)) + "\n")
    done = sum(len(verdict.events) for _kind, _group, verdict in rows)
    planned = sum(verdict.planned for _kind, _group, verdict in rows)
    words = f"{len(rows)} schedules, {bad} with findings; {done} of {planned} faults came to pass"
    sys.stdout.write(f"\n{table(rows)}\n\n{words}\n")
    return 1 if bad else 0


def _schedules(arguments: argparse.Namespace, stage: Session) -> Iterator[tuple[str, Schedule]]:
    from tests.chaos.sample import sample
    from tests.chaos.schedules import every_point, random_rollback, random_schedule
    from tests.chaos.stage import DEVICES

    if arguments.sample:
        for schedule in sample(devices=DEVICES):
            yield "the sample", schedule
    for kind in arguments.kinds.split(","):
        devices, allowed = len(stage.stages[kind].devices), _allowed(arguments, kind)
        if arguments.every_point:
            for way in _ways(arguments, kind):
                points = len(stage.points(kind, way))
                for fault in allowed:
                    for schedule in every_point(kind, points, [fault], devices=devices, way=way):
                        yield f"{fault} at each of {points} points{'' if way == 'straight' else f', {way}'}", schedule
        for seed in _seeds(arguments.seeds):
            yield "several, by seed", random_schedule(kind, seed, devices=devices, allowed=allowed)
        for seed in _seeds(arguments.rollback_seeds):
            yield "rolled back, several, by seed", random_rollback(kind, seed, devices=devices, allowed=allowed)


def _ways(arguments: argparse.Namespace, kind: str) -> list[Way]:
    from tests.chaos.schedules import Way, ways

    wanted = [Way(name) for name in arguments.ways.split(",") if name] or list(Way)
    return [way for way in ways(kind) if way in wanted]


def _allowed(arguments: argparse.Namespace, kind: str) -> list[Fault]:
    from tests.chaos.schedules import FRR_FAULTS, SINGLE, Fault

    wanted = [Fault(name) for name in arguments.faults.split(",") if name] or list(SINGLE)
    return [fault for fault in wanted if kind != "frr" or fault in FRR_FAULTS]


def _seeds(text: str) -> Iterator[int]:
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    sys.exit(main())

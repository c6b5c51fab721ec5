"""Running checks on a device, keeping what they found, and keeping what later ones compare with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Final

from changes.domain.check_judging import Before, CheckOutcome, evaluate
from changes.domain.check_readings import UnreadableOutputError
from changes.domain.checks import Check, parse_checks
from changes.services.journal import StepNotes
from devices.drivers.base import Driver
from devices.errors import CommandRejectedError
from devices.services.scrubbing import Scrubber

POLL_S = 1.0
HIDDEN: Final = "<hidden>"

StoredChecks = Iterable[Mapping[str, object]]


def run_check(
    driver: Driver, check: Check, scrub: Scrubber, *, wait: bool, before: Before | None = None
) -> CheckOutcome:
    """Run one check. With ``wait`` it may take until its own ``timeout_s`` to hold, since networks converge.

    A check with ``hold_s`` is looked at again and again for so long, and must hold each time: a session that is cut off
    is believed to be up until its timers end.

    Raises:
        DeviceError: the session broke; a command that the device refuses is a failed check instead.
    """
    deadline = time.monotonic() + check.timeout_s
    recorded = len(driver.transcript)
    holds_since: float | None = None
    while True:
        # Of many looks the last one is kept: hundreds of outputs would fill the memory and tell nobody more.
        del driver.transcript[recorded:]
        outcome = _look(driver, check, scrub, before)
        now = time.monotonic()
        if not wait:
            return outcome
        if outcome.passed:
            holds_since = now if holds_since is None else holds_since
            if now - holds_since >= check.hold_s:
                return outcome
        else:
            holds_since = None
            if now + POLL_S > deadline:
                return outcome
        time.sleep(POLL_S)


def run_checks(
    driver: Driver,
    checks: StoredChecks,
    scrub: Scrubber,
    *,
    wait: bool,
    before: Mapping[str, Before] | None = None,
) -> list[dict[str, object]]:
    """Run checks as they stand in a plan; the results are masked.

    ``{name, command, passed, sentence, evidence, before, after}`` each; ``before`` and ``after`` are "" where nothing
    was counted or compared.
    """
    kept = before or {}
    return [
        _result(run_check(driver, check, scrub, wait=wait, before=kept.get(check.name)), scrub)
        for check in parse_checks(list(checks))
    ]


def failed_checks(
    driver: Driver,
    checks: StoredChecks,
    notes: StepNotes,
    scrub: Scrubber,
    *,
    wait: bool,
    before: Mapping[str, Before] | None = None,
) -> list[str]:
    """Run checks, keep the results in the step's notes, and return a sentence for each that failed."""
    results = run_checks(driver, checks, scrub, wait=wait, before=before)
    notes.data["checks"] = results
    return [f"{result['name']}: {result['sentence']}" for result in results if not result["passed"]]


def read_before(driver: Driver, checks: StoredChecks, scrub: Scrubber) -> tuple[dict[str, object], list[str]]:
    """Read now what the comparing checks among these will compare with: by the check's name, as it is to be stored.

    The list has a sentence for each check of which nothing certain can be read; it could never hold afterwards.

    Raises:
        DeviceError: the session broke.
    """
    found: dict[str, object] = {}
    problems = []
    for check in parse_checks(list(checks)):
        if check.compares:
            try:
                output = driver.show(check.command, timeout_s=check.timeout_s)
                before = Before.of(check, output, key=scrub.key, mask=_masking(output, scrub))
            except (UnreadableOutputError, CommandRejectedError) as error:
                problems.append(scrub(f"{check.name}: {error}"))
            else:
                found[check.name] = before.to_json()
    return found, problems


def stored_before(data: object) -> dict[str, Before]:
    """What :func:`read_before` gave, read back from a step's record; what cannot be read is left out."""
    pairs = data.items() if isinstance(data, Mapping) else ()
    read = ((str(name), Before.from_json(value)) for name, value in pairs)
    return {name: value for name, value in read if value is not None}


def _look(driver: Driver, check: Check, scrub: Scrubber, before: Before | None) -> CheckOutcome:
    try:
        output = driver.show(check.command, timeout_s=check.timeout_s)
    except CommandRejectedError as error:
        return CheckOutcome(check, passed=False, sentence=str(error))
    return evaluate(check, output, before, key=scrub.key, mask=_masking(output, scrub))


def _masking(output: str, scrub: Scrubber) -> Callable[[str], str]:
    """Hides a value of which a part is a secret where it stands in the output: alone, no pattern would know it."""
    shown = cache(lambda: scrub(output))

    def mask(label: str) -> str:
        if all(word in shown() for word in label.split()):
            return label
        masked = scrub(label)
        return masked if masked != label else HIDDEN

    return mask


def _result(outcome: CheckOutcome, scrub: Scrubber) -> dict[str, object]:
    return {
        "name": outcome.check.name,
        "command": outcome.check.command,
        "passed": outcome.passed,
        "sentence": scrub.prose(outcome.sentence),
        "evidence": [scrub(line) for line in outcome.evidence],
        "before": scrub(outcome.before),
        "after": scrub(outcome.after),
    }

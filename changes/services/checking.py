"""Running checks on a device and keeping what they found."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from changes.domain.checks import Check, CheckOutcome, evaluate, parse_checks
from changes.services.journal import StepNotes
from devices.drivers.base import Driver
from devices.errors import CommandRejectedError
from devices.services.scrubbing import Scrubber

POLL_S = 1.0


def run_check(driver: Driver, check: Check, *, wait: bool) -> CheckOutcome:
    """Run one check. With ``wait`` it may take until its own ``timeout_s`` to hold, since networks converge.

    Raises:
        DeviceError: the session broke; a command that the device refuses is a failed check instead.
    """
    deadline = time.monotonic() + check.timeout_s
    recorded = len(driver.transcript)
    while True:
        # Of many looks the last one is kept: hundreds of outputs would fill the memory and tell nobody more.
        del driver.transcript[recorded:]
        try:
            outcome = evaluate(check, driver.show(check.command, timeout_s=check.timeout_s))
        except CommandRejectedError as error:
            return CheckOutcome(check, passed=False, sentence=str(error))
        if outcome.passed or not wait or time.monotonic() + POLL_S > deadline:
            return outcome
        time.sleep(POLL_S)


def run_checks(
    driver: Driver, checks: Iterable[Mapping[str, object]], scrub: Scrubber, *, wait: bool
) -> list[dict[str, object]]:
    """Run checks as they stand in a plan; one ``{name, command, passed, sentence, evidence}`` each, masked."""
    return [
        {
            "name": outcome.check.name,
            "command": outcome.check.command,
            "passed": outcome.passed,
            "sentence": scrub(outcome.sentence),
            "evidence": [scrub(line) for line in outcome.evidence],
        }
        for outcome in (run_check(driver, check, wait=wait) for check in parse_checks(list(checks)))
    ]


def failed_checks(
    driver: Driver,
    checks: Iterable[Mapping[str, object]],
    notes: StepNotes,
    scrub: Scrubber,
    *,
    wait: bool,
) -> list[str]:
    """Run checks, keep the results in the step's notes, and return a sentence for each that failed."""
    results = run_checks(driver, checks, scrub, wait=wait)
    notes.data["checks"] = results
    return [f"{result['name']}: {result['sentence']}" for result in results if not result["passed"]]

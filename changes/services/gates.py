"""Climbing the pre-check ladder on a device: what is asked at each gate, and what its answers mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from changes.domain.gates import (
    Cover,
    Finding,
    Gate,
    GateMode,
    GateResult,
    Observation,
    completed,
    gate_of_connecting,
    judge_gate,
)
from changes.models import GateException
from devices.domain.drivers import Proof, proof_of
from devices.domain.health import PROBES, Reading, read_health, unassessed
from devices.domain.severity import Severity
from devices.domain.trust import Comparison
from devices.drivers.base import DeviceFacts, Driver
from devices.errors import CommandRejectedError, DeviceError
from devices.models import Device
from devices.services.identity import Identity, identity_compared, reading_store
from devices.services.scrubbing import Scrubber

UNHEALTHY: Final = "PRECHECK_STATE_UNHEALTHY"
CHECK_FAILED: Final = "PRECHECK_PREREQ_MISSING"


_PROVED: Final = {
    Proof.HOST_KEY: "proved a pinned key",
    Proof.CERTIFICATE: "proved itself by a pinned certificate",
    Proof.NOTHING: "answered over plain HTTP, which proves nothing",
}


class GateRefusedError(Exception):
    """A gate stopped the device; ``code`` is a reason code, ``detail`` a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Ladder:
    """The ladder of one device in one session; it belongs to one thread.

    ``mode`` decides what a failure does. Active exceptions are read once, when the first gate needs them.
    """

    def __init__(self, device: Device, mode: GateMode) -> None:
        self._device = device
        self._mode = mode
        self._results: list[GateResult] = []
        self._cover: Cover | None = None

    @property
    def results(self) -> tuple[GateResult, ...]:
        """All gates in order; those that were not reached are skipped."""
        return completed(self._results)

    def as_data(self) -> list[dict[str, object]]:
        """The ladder as it is stored; mask it first."""
        return [result.as_data() for result in self.results]

    def warnings(self) -> list[str]:
        """A sentence for each finding that stops nothing now but would stop a run, and for each exception in use."""
        sentences = []
        for result in self._results:
            for finding in result.findings:
                if finding.exception:
                    sentences.append(f"{finding.exception} lets through: {finding.sentence}.")
                elif finding.severity is Severity.MAJOR and result.gate is not Gate.CHANGE:
                    sentences.append(
                        f"{result.gate.label}: {finding.sentence}. As long as this holds, a run is refused."
                    )
        return sentences

    def climb(self, gate: Gate, seen: Observation, *, refusal: str = "{found}") -> GateResult:
        """Judge one gate. ``refusal`` is the sentence where it stops the device; ``{found}`` is what was found.

        Raises:
            GateRefusedError: the gate stops the device in this mode.
        """
        at = datetime.now(UTC).isoformat(timespec="seconds")
        result = judge_gate(gate, seen, mode=self._mode, cover=self._covered, at=at)
        self._results.append(result)
        if result.stops:
            open_ones = [found.sentence for found in result.findings if not found.exception and _weighs(found)]
            raise GateRefusedError(result.code, refusal.format(found="; ".join(open_ones)))
        return result

    @contextmanager
    def at(self, gate: Gate) -> Iterator[None]:
        """Put down a device's error in the body as this gate's failure, and raise it again."""
        try:
            yield
        except DeviceError as error:
            self.broke(gate, error)
            raise

    def broke(self, gate: Gate, error: DeviceError) -> None:
        """Record that the device could not be asked at this gate; nothing further can be known in any mode."""
        finding = Finding(error.code, Severity.CRITICAL, error.detail)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self._results.append(judge_gate(gate, Observation((finding,)), mode=self._mode, cover=_nothing, at=at))

    def connected(self, driver: Driver) -> None:
        """The session is open: the device was reached, proved its key, took the credential and gave the privilege."""
        where = {"name": "address", "value": f"{self._device.address}:{self._device.port}"}
        self.climb(Gate.REACHABILITY, Observation(note="The device answers.", values=(where,)))
        how = {"name": "driver", "value": driver.name}
        note = f"It {_PROVED[proof_of(driver.name)]}, took the credential and gives the privilege."
        self.climb(Gate.SESSION, Observation(note=note, values=(how,)))

    def not_connected(self, error: DeviceError) -> None:
        """No session: record at which of the first two gates it failed."""
        gate = gate_of_connecting(error.code)
        if gate is Gate.SESSION:
            where = {"name": "address", "value": f"{self._device.address}:{self._device.port}"}
            self.climb(Gate.REACHABILITY, Observation(note="The device answers.", values=(where,)))
        self.broke(gate, error)

    def identity(
        self, identity: Identity, facts: DeviceFacts, *, read_config: Callable[[], str]
    ) -> tuple[Comparison, ...]:
        """Compare what the device says of itself, keep the reading, and judge it.

        Raises:
            GateRefusedError: another device answers, or nobody can tell.
        """
        comparisons = identity_compared(identity, facts, read_config=read_config)
        reading_store(self._device, comparisons)
        findings = tuple(
            Finding(each.codes[0], each.severity, each.sentence, also=each.codes[1:])
            for each in comparisons
            if each.severity and each.codes
        )
        mismatch = any(f.severity is Severity.CRITICAL and f.code.startswith("IDENTITY_") for f in findings)
        refusal = "Another device answers: {found}." if mismatch else "It cannot be told which device this is: {found}."
        matching = sum(each.verdict == "match" for each in comparisons)
        note = f"{matching} of {len(comparisons)} facts match the inventory; none contradicts it."
        self.climb(
            Gate.IDENTITY,
            Observation(findings, note=note, values=tuple(map(_compared, comparisons))),
            refusal=refusal,
        )
        return comparisons

    def health(self, driver: Driver, platform: str) -> None:
        """Ask the device for CPU, memory, disk or daemons, as its platform tells them.

        Raises:
            GateRefusedError: it is unhealthy, and the ladder is enforced.
        """
        with self.at(Gate.HEALTH):
            readings = health_readings(driver, platform)
        findings = tuple(
            Finding(UNHEALTHY, Severity.MAJOR, reading.sentence) for reading in readings if reading.healthy is False
        )
        told = [reading.sentence for reading in readings]
        self.climb(
            Gate.HEALTH,
            Observation(
                findings,
                note="; ".join(told) if told else "This platform tells nothing about its health.",
                values=tuple(map(_measured, readings)),
                assessed=any(reading.healthy is not None for reading in readings),
            ),
            refusal="The device is not healthy: {found}.",
        )

    def window(self, seen: Observation | None = None) -> None:
        """Whether the change's maintenance window is open; when planning it is not asked, since it is set later.

        Raises:
            GateRefusedError: it is closed, and the ladder is enforced.
        """
        seen = seen or Observation(note="The window is looked at before each device of a run.")
        self.climb(Gate.WINDOW, seen, refusal="{found}")

    def change_checks(self, results: Sequence[Mapping[str, object]], *, refusal: str = "{found}") -> None:
        """Judge the change's own pre-checks by their results, as :mod:`changes.services.checking` gives them.

        Raises:
            GateRefusedError: one failed, and the ladder is enforced.
        """
        findings = tuple(
            Finding(CHECK_FAILED, Severity.MAJOR, f"{result['name']}: {result['sentence']}")
            for result in results
            if not result["passed"]
        )
        count = len(results)
        note = f"All {count} hold." if count > 1 else "It holds." if count else "The change has none."
        values = tuple(
            {"name": result["name"], "value": "holds" if result["passed"] else "fails"} for result in results
        )
        self.climb(Gate.CHANGE, Observation(findings, note=note, values=values), refusal=refusal)

    def _covered(self, gate: Gate, code: str) -> str:
        if self._cover is None:
            self._cover = covering(self._device)
        return self._cover(gate, code)


def covering(device: Device) -> Cover:
    """Which active exception covers a code at a gate on this device: the oldest one. One query."""
    found = [
        (row.gate, row.code, row.number)
        for row in GateException.objects.active().order_by("pk")
        if row.scope.includes(device_id=device.pk, site=device.site, role=device.role)
    ]

    def cover(gate: Gate, code: str) -> str:
        return next((number for at, covers, number in found if (at, covers) == (gate.value, code)), "")

    return cover


def health_readings(driver: Driver, platform: str) -> list[Reading]:
    """What the device tells of its health; a command that it refuses is not assessed. Each command is sent once.

    Raises:
        DeviceError: the session broke.
    """
    answers: dict[str, str | CommandRejectedError] = {}
    readings = []
    for probe in PROBES.get(platform, ()):
        if probe.command not in answers:
            try:
                answers[probe.command] = driver.show(probe.command)
            except CommandRejectedError as error:
                answers[probe.command] = error
        answer = answers[probe.command]
        if isinstance(answer, str):
            readings.append(read_health(probe, answer))
        else:
            readings.append(unassessed(probe, f"the device refuses “{probe.command}”"))
    return readings


def connecting_data(device: Device, error: DeviceError) -> list[dict[str, object]]:
    """The ladder of a device that gave no session, as it is stored."""
    ladder = Ladder(device, GateMode.ENFORCED)
    ladder.not_connected(error)
    return ladder.as_data()


def masked(data: Iterable[Mapping[str, object]], scrub: Scrubber) -> list[dict[str, object]]:
    """Ladder data with every text masked; they are sentences, and stay as they are but for what they quote."""
    return [{name: _masked(value, scrub) for name, value in row.items()} for row in data]


def _masked(value: object, scrub: Scrubber) -> object:
    if isinstance(value, str):
        return scrub.prose(value)
    if isinstance(value, Mapping):
        return {name: _masked(item, scrub) for name, item in value.items()}
    return [_masked(item, scrub) for item in value] if isinstance(value, list) else value


def _weighs(finding: Finding) -> bool:
    return finding.severity is not Severity.MINOR


def _nothing(_gate: Gate, _code: str) -> str:
    return ""


def _compared(each: Comparison) -> dict[str, object]:
    return {
        "name": each.field,
        "mode": each.mode.value,
        "expected": each.expected,
        "value": each.live,
        "verdict": each.verdict.value,
    }


def _measured(reading: Reading) -> dict[str, object]:
    state = "not assessed" if reading.healthy is None else "healthy" if reading.healthy else "unhealthy"
    return {
        "name": reading.name,
        "label": reading.label,
        "value": reading.value,
        "limit": reading.limit,
        "verdict": state,
    }

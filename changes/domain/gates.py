"""The pre-check ladder: ordered gates that a device passes before anything is planned for it or written to it.

Reachability, session and privilege, identity, health, window, change-specific checks. A gate that fails stops the rest,
in *enforced* mode always, in *report-only* mode only where nothing further can be known. A named exception can let one
kind of finding through, and nothing else. Pure rules; :mod:`changes.services.gates` asks the device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from changes.domain.labels import Labelled
from devices.domain.severity import Severity


class Gate(Labelled):
    """The steps of the ladder, lowest first."""

    REACHABILITY = "reachability"
    SESSION = "session"
    IDENTITY = "identity"
    HEALTH = "health"
    WINDOW = "window"
    CHANGE = "change"

    @property
    def label(self) -> str:
        """The words on a page."""
        return _LABELS[self]


LADDER: Final = tuple(Gate)
_LABELS: Final[Mapping[Gate, str]] = {
    Gate.REACHABILITY: "Reachability",
    Gate.SESSION: "Session and privilege",
    Gate.IDENTITY: "Identity",
    Gate.HEALTH: "Health",
    Gate.WINDOW: "Maintenance window",
    Gate.CHANGE: "Change-specific checks",
}


class GateVerdict(Labelled):
    """How a gate ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ASSESSED = "not_assessed"
    """Nothing could be judged. It stops nothing and counts as nothing."""
    SKIPPED = "skipped"
    """An earlier gate failed."""
    OVERRIDDEN = "overridden"
    """It failed, and a named exception lets it through."""


class GateMode(Labelled):
    """What a failure does."""

    REPORT_ONLY = "report_only"
    """All failures are gathered; only critical ones stop the device. Used when planning."""
    ENFORCED = "enforced"
    """Critical and major failures stop the device at once. Used before writing."""


STOPS: Final[Mapping[GateMode, frozenset[Severity]]] = {
    GateMode.REPORT_ONLY: frozenset({Severity.CRITICAL}),
    GateMode.ENFORCED: frozenset({Severity.CRITICAL, Severity.MAJOR}),
}

COVERABLE: Final[Mapping[Gate, tuple[str, ...]]] = {
    Gate.IDENTITY: (
        "IDENTITY_HOSTNAME_MISMATCH",
        "IDENTITY_SERIAL_MISMATCH",
        "IDENTITY_MODEL_MISMATCH",
        "IDENTITY_PLATFORM_MISMATCH",
        "IDENTITY_ROLE_MISMATCH",
        "IDENTITY_SITE_MISMATCH",
        "SOT_ADVISORY_UNCONFIRMED",
        "SOT_FIELD_MISSING",
    ),
    Gate.HEALTH: ("PRECHECK_STATE_UNHEALTHY",),
    Gate.WINDOW: ("PRECHECK_WINDOW_CLOSED",),
    Gate.CHANGE: ("PRECHECK_PREREQ_MISSING",),
}
"""What an exception may cover. A host key that is not pinned, or a plan that is not the approved one, never is."""

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a gate found amiss; ``code`` is what an exception must name, ``also`` are further codes."""

    code: str
    severity: Severity
    sentence: str
    also: tuple[str, ...] = ()
    exception: str = ""
    """The exception that lets it through, such as EXC-0007."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen at a gate: findings, and the values that were looked at. ``note`` is said where it passes."""

    findings: tuple[Finding, ...] = ()
    note: str = ""
    values: tuple[Values, ...] = ()
    assessed: bool = True


@dataclass(frozen=True, slots=True)
class GateResult:
    """How one gate ended, with everything that a person or a program needs to know why."""

    gate: Gate
    verdict: GateVerdict
    code: str = ""
    severity: Severity | None = None
    sentence: str = ""
    findings: tuple[Finding, ...] = ()
    values: tuple[Values, ...] = field(default=())
    at: str = ""
    """UTC, ISO 8601; empty where it was skipped."""
    stops: bool = False
    """Whether it stopped the device in the mode of its ladder."""

    @property
    def exceptions(self) -> tuple[str, ...]:
        """The exceptions that let findings through."""
        return tuple(dict.fromkeys(finding.exception for finding in self.findings if finding.exception))

    def as_data(self) -> dict[str, object]:
        """Plain JSON values, as they are stored with a plan and a run."""
        return {
            "gate": self.gate.value,
            "verdict": self.verdict.value,
            "code": self.code,
            "severity": self.severity.value if self.severity else "",
            "sentence": self.sentence,
            "stops": self.stops,
            "exceptions": list(self.exceptions),
            "findings": [
                {
                    "code": finding.code,
                    "also": list(finding.also),
                    "severity": finding.severity.value,
                    "sentence": finding.sentence,
                    "exception": finding.exception,
                }
                for finding in self.findings
            ],
            "values": [dict(value) for value in self.values],
            "at": self.at,
        }


Cover = Callable[[Gate, str], str]
"""The number of the exception that covers this code at this gate now, or an empty text."""


def judge_gate(gate: Gate, seen: Observation, *, mode: GateMode, cover: Cover, at: str) -> GateResult:
    """What an observation means in this mode.

    A gate is overridden only where exceptions cover every finding that would stop the device when it is enforced.
    """
    found = tuple(_covered(gate, finding, cover) for finding in seen.findings)
    open_ones = [finding for finding in found if not finding.exception and finding.severity is not Severity.MINOR]
    stops = any(finding.severity in STOPS[mode] for finding in open_ones)
    if open_ones:
        verdict = GateVerdict.FAILED
    elif any(finding.exception for finding in found):
        verdict = GateVerdict.OVERRIDDEN
    else:
        verdict = GateVerdict.PASSED if seen.assessed else GateVerdict.NOT_ASSESSED
    weighing = open_ones or [finding for finding in found if finding.exception]
    worst = min(weighing, key=lambda finding: _ORDER[finding.severity], default=None)
    sentence = "; ".join(finding.sentence for finding in found) or seen.note
    return GateResult(
        gate=gate,
        verdict=verdict,
        code=worst.code if worst else "",
        severity=worst.severity if worst else None,
        sentence=sentence,
        findings=found,
        values=seen.values,
        at=at,
        stops=stops,
    )


_ORDER: Final = {severity: at for at, severity in enumerate(Severity)}


def _covered(gate: Gate, finding: Finding, cover: Cover) -> Finding:
    if finding.severity is Severity.MINOR or finding.code not in COVERABLE.get(gate, ()):
        return finding
    return replace(finding, exception=cover(gate, finding.code))


def completed(results: Sequence[GateResult]) -> tuple[GateResult, ...]:
    """The whole ladder: what was not reached is skipped, and says which gate it was skipped for."""
    done = {result.gate: result for result in results}
    stopped = next((result for result in results if result.stops), None)
    because = f"Not tried, since “{stopped.gate.label}” failed." if stopped else "Not reached."
    return tuple(done.get(gate) or GateResult(gate, GateVerdict.SKIPPED, sentence=because) for gate in LADDER)


_SESSION_CODES: Final = frozenset(
    {"IDENTITY_HOST_KEY_MISMATCH", "PRECHECK_AUTH_FAILED", "PRECHECK_AUTHZ_DENIED", "SECRET_UNAVAILABLE",
     "SECRET_SCOPE_DENIED", "BREAKER_OPEN"}
)  # fmt: skip


def gate_of_connecting(code: str) -> Gate:
    """The gate at which a session that could not be opened failed, by the error's code."""
    return Gate.SESSION if code in _SESSION_CODES else Gate.REACHABILITY


@dataclass(frozen=True, slots=True)
class ExceptionScope:
    """The devices that an exception is for: these ids, or all of these sites and roles; an empty list means any."""

    device_ids: tuple[int, ...] = ()
    sites: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def includes(self, *, device_id: int, site: str, role: str) -> bool:
        """Whether the device is in scope; an empty scope includes nothing."""
        if self.device_ids:
            return device_id in self.device_ids
        if not self.sites and not self.roles:
            return False
        return (not self.sites or site in self.sites) and (not self.roles or role in self.roles)

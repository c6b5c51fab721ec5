"""Is the device that answers the device that the inventory means?"""

from __future__ import annotations

from dataclasses import dataclass

from devices.drivers.base import DeviceFacts


@dataclass(frozen=True, slots=True)
class IdentityMismatch:
    """One fact in which the device differs from what was expected."""

    code: str
    field: str
    expected: str
    live: str

    def __str__(self) -> str:
        return f"{self.field} is “{self.live}”, expected “{self.expected}”"


def identity_mismatches(*, hostname: str, serial: str, model: str, facts: DeviceFacts) -> tuple[IdentityMismatch, ...]:
    """Every expected fact that the device contradicts; facts that the inventory leaves empty are not judged.

    The host name is compared without its domain and without regard to case (RFC 4343), the others exactly.
    """
    mismatches = []
    for field, expected, live in (
        ("hostname", hostname.partition(".")[0].lower(), facts.hostname.partition(".")[0].lower()),
        ("serial", serial, facts.serial),
        ("model", model, facts.model),
    ):
        if expected and expected != live:
            mismatches.append(
                IdentityMismatch(f"IDENTITY_{field.upper()}_MISMATCH", field, expected=expected, live=live)
            )
    return tuple(mismatches)

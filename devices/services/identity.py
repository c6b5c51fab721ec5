"""Is the device that answers the device that the inventory means? And what was seen the last time it answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from devices.domain.severity import Severity
from devices.domain.trust import FIELDS, LEARNT_FIELDS, Comparison, LearntFrom, judge, learn
from devices.drivers.base import DeviceFacts, Driver
from devices.models import Device
from devices.services.scrubbing import Scrubber
from devices.services.statements import prepared
from devices.services.trust import TrustTable, trust_table

_LIMIT: Final = 255
_KEEP: Final = """
    INSERT INTO devices_livefact (device_id, field, mode, verdict, severity, code, expected, live, read_at)
    SELECT %s, *, statement_timestamp()
      FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
    ON CONFLICT (device_id, field) DO UPDATE
       SET mode = excluded.mode, verdict = excluded.verdict, severity = excluded.severity, code = excluded.code,
           expected = excluded.expected, live = excluded.live, read_at = excluded.read_at
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device must be, by field; see :data:`devices.domain.trust.FIELDS`."""

    source: str
    expected: Mapping[str, str]

    @classmethod
    def of(cls, device: Device) -> Identity:
        """What the inventory says now."""
        return cls(device.source, {field: str(getattr(device, field)) for field in FIELDS})


def identity_compared(
    identity: Identity, facts: DeviceFacts, *, read_config: Callable[[], str], table: TrustTable | None = None
) -> tuple[Comparison, ...]:
    """Every fact, expected beside live, under the trust table of its source; matches too. One query without ``table``.

    ``read_config`` is called only where a pattern is declared that looks into the running configuration.
    """
    table = table or trust_table(identity.source)
    from_config = any(table[field].learnt_from is LearntFrom.CONFIG for field in LEARNT_FIELDS)
    config = read_config() if from_config else ""
    live = {
        "hostname": facts.hostname,
        "serial": facts.serial,
        "model": facts.model,
        "platform": facts.os,
        **{field: learn(table[field], hostname=facts.hostname, config=config) for field in LEARNT_FIELDS},
    }
    return tuple(judge(table[field], identity.expected.get(field, ""), live[field]) for field in FIELDS)


def reading_store(device: Device, comparisons: Iterable[Comparison]) -> None:
    """Keep how the device's facts compared just now, in place of what was kept before. One query."""
    rows = [
        (
            each.field,
            each.mode.value,
            each.verdict.value,
            each.severity.value if each.severity else "",
            each.codes[0] if each.codes else "",
            each.expected[:_LIMIT],
            each.live[:_LIMIT],
        )
        for each in comparisons
    ]
    prepared(_KEEP, [device.pk, *(list(column) for column in zip(*rows, strict=True))])


def identity_contradictions(device: Device, driver: Driver) -> tuple[Comparison, ...]:
    """Compare a connected device with the inventory, keep the reading, and give what forbids to believe it.

    For readers, such as backups; writers climb the whole ladder. Two queries.

    Raises:
        DeviceError: the device does not tell.
    """
    comparisons = identity_compared(
        Identity.of(device), driver.facts(), read_config=lambda: Scrubber.load()(driver.running_config())
    )
    reading_store(device, comparisons)
    return tuple(each for each in comparisons if each.severity is Severity.CRITICAL)

"""What planning found over all devices of a revision, counted by the database; no payload is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from changes.domain.states import DevicePlanState
from changes.models import DevicePlan, PlanRevision
from devices.domain.severity import Severity
from devices.domain.warnings.rule import listed
from devices.services.scrubbing import Scrubber
from devices.services.statements import prepared

_FACTS: Final = """
    WITH changed AS MATERIALIZED (
        SELECT p.id, p.kinds, p.warnings, d.platform, d.role, d.site, d.tags, d.tenant
          FROM changes_deviceplan p JOIN devices_device d ON d.id = p.device_id
         WHERE p.revision_id = %s AND p.state = 'ready')
    SELECT 'devices', '', '', count(*) FROM changed
    UNION ALL SELECT 'platforms', platform, '', count(*) FROM changed GROUP BY platform
    UNION ALL SELECT 'roles', role, '', count(*) FROM changed GROUP BY role
    UNION ALL SELECT 'sites', site, '', count(*) FROM changed GROUP BY site
    UNION ALL SELECT 'tenants', tenant, '', count(*) FROM changed GROUP BY tenant
    UNION ALL SELECT 'tags', tag, '', count(DISTINCT id) FROM changed, unnest(tags) tag GROUP BY tag
    UNION ALL SELECT 'content', kind, '', count(DISTINCT id) FROM changed, unnest(kinds) kind GROUP BY kind
    UNION ALL SELECT 'warnings', w ->> 'code', w ->> 'severity', count(DISTINCT id)
                FROM changed, jsonb_array_elements(warnings) w WHERE w ->> 'code' <> '' GROUP BY 2, 3
"""
_TWICE: Final = """
    SELECT address, array_agg(id ORDER BY position), array_agg(name ORDER BY position)
      FROM (SELECT unnest(p.new_addresses) AS address, p.id, p.position, d.name
              FROM changes_deviceplan p JOIN devices_device d ON d.id = p.device_id
             WHERE p.revision_id = %s AND p.state = 'ready' AND p.new_addresses <> '{}') added
     GROUP BY address HAVING count(DISTINCT id) > 1 ORDER BY address LIMIT 100
"""
_COUNTED: Final = ("platforms", "roles", "sites", "tags", "tenants", "content")
_DUPLICATE: Final = "DUPLICATE_ADDRESS"


def facts_gather(revision: PlanRevision) -> dict[str, Any]:
    """The facts of a revision whose devices are all planned, as :class:`PlanFacts` stores them. One query.

    Counted are the devices that the plan changes. A value that a device does not have is not counted.
    """
    found: dict[str, Any] = {"device_count": 0, **{name: {} for name in _COUNTED}, "warnings": []}
    for fact, value, severity, devices in prepared(_FACTS, [revision.pk]):
        if fact == "devices":
            found["device_count"] = devices
        elif fact == "warnings":
            found["warnings"].append({"code": value, "severity": severity, "devices": devices})
        elif value:
            found[fact][value] = devices
    found["warnings"].sort(key=lambda each: (each["code"], each["severity"]))
    return {name: dict(sorted(value.items())) if isinstance(value, dict) else value for name, value in found.items()}


def facts_digest(facts: Mapping[str, Any] | None) -> str:
    """SHA-256 over the facts; the audit log keeps it when a plan is ready, and with that the facts."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def duplicates_within(revision: PlanRevision) -> int:
    """Warn of addresses that the plan itself gives to several devices, which no stored configuration shows yet.

    Call it before the facts are gathered. One query where there is none; returns how many devices are warned of.
    """
    added: dict[int, list[tuple[str, str]]] = {}
    for placed, plans, names in prepared(_TWICE, [revision.pk]):
        vrf, _, address = placed.partition(" ")
        where = f" in VRF {vrf}" if vrf else ""
        different = list(dict.fromkeys(names))
        sentence = f"This plan gives {address}{where} to {len(different)} devices: {listed(different)}."
        for pk in plans:
            added.setdefault(pk, []).append((address, sentence))
    scrub = Scrubber.load()
    for plan in DevicePlan.objects.filter(pk__in=added, state=DevicePlanState.READY).iterator(200):
        commands = plan.content.commands
        found = [_warning(address, sentence, commands, scrub) for address, sentence in added[plan.pk]]
        plan.warnings = [*found, *plan.warnings]
        plan.save(update_fields=["warnings"])
    return len(added)


def _warning(address: str, sentence: str, commands: Sequence[str], scrub: Scrubber) -> dict[str, object]:
    """At the first line that names the address, with or without a prefix length."""
    named = (number for number, line in enumerate(commands, 1) if _names(line, address))
    number = next(named, None)
    return {
        "line": scrub(commands[number - 1]).strip() if number else "",
        "sentence": sentence,
        "code": _DUPLICATE,
        "severity": Severity.CRITICAL.value,
        "number": number,
        "path": [],
    }


def _names(line: str, address: str) -> bool:
    return any(word.partition("/")[0].casefold() == address for word in line.split())

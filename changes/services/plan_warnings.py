"""What a device's plan warns of: the semantic rules, asked with the addresses of the real session."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from changes.domain.risk.facts import Rollback
from changes.services.effects import Effect
from devices.domain.config_text import parse
from devices.domain.config_tree import Node
from devices.domain.platforms import Platform
from devices.domain.warnings import AddressUse, Finding, OwnSession, Situation, review
from devices.drivers.base import Capabilities
from devices.models import Device
from devices.services.address_index import addresses_used
from devices.services.scrubbing import Scrubber


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What the rules found on one device: masked warnings, the kinds of content, and the addresses that it adds.

    ``running`` is the configuration as it was read, for others who need it as a tree.
    """

    warnings: list[dict[str, object]]
    kinds: list[str]
    new_addresses: list[str]
    running: Node


@dataclass(slots=True)
class _Index:
    """The inventory's index for one device, which remembers what it was asked."""

    device: Device
    asked: set[str] = field(default_factory=set)

    def __call__(self, addresses: Collection[str]) -> Mapping[str, Sequence[AddressUse]]:
        self.asked.update(addresses)
        return addresses_used(addresses, apart_from=self.device)


def reviewed(  # one argument for each fact that the planner has
    *,
    device: Device,
    running: str,
    effect: Effect,
    commands: Sequence[str],
    session: OwnSession,
    can: Capabilities,
    platform: Platform,
    scrub: Scrubber,
) -> Reviewed:
    """Apply every semantic rule to one device's change. At most one query: for the addresses that it adds."""
    tree, index = parse(running, platform), _Index(device)
    situation = Situation.read(
        tree, effect.target, commands, platform, session=session, lookup=index, atomic=can.atomic_commit
    )
    found = review(situation)
    return Reviewed(
        warnings=[_warning(finding, scrub) for finding in found.findings],
        kinds=sorted(found.kinds),
        new_addresses=sorted(_placed(situation, index.asked)),
        running=tree,
    )


def note(sentence: str, line: str = "") -> dict[str, object]:
    """Something that planning noticed and no rule found: the same shape, without a code and a severity."""
    return {"line": line, "sentence": sentence, "code": "", "severity": "", "number": None, "path": []}


def rollback_of(effect: Effect) -> Rollback:
    """How good the way back of a planned device is. A device without one is never planned."""
    return Rollback.SNAPSHOT if effect.backout_method == "replace" else Rollback.COMPUTED


def _warning(finding: Finding, scrub: Scrubber) -> dict[str, object]:
    return {
        **finding.as_warning(),
        "line": scrub(finding.line).strip(),
        "sentence": scrub.prose(finding.sentence),
        "path": [scrub(part) for part in finding.path],
    }


def _placed(situation: Situation, addresses: Collection[str]) -> Iterator[str]:
    """The addresses with their VRF; those that several devices may share are left out."""
    for one in situation.after.interfaces.values() if addresses else ():
        for address in one.addresses:
            if address.ip in addresses and not address.shared and not one.shutdown:
                yield f"{one.vrf} {address.ip}"


def semantic(warnings: Iterable[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    """The warnings that a rule gave."""
    return (warning for warning in warnings if warning.get("code"))

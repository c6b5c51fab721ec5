"""Semantic warnings: what a change means for the device and for our own way in, told before anybody approves it.

``review(Situation.read(running, target, lines, platform, …))`` gives the findings and the kinds of content that the
change touches. Everything is computed from text; `docs/warnings.md` lists the rules and the platforms that each knows.
"""

from devices.domain.warnings.addresses import addresses_in
from devices.domain.warnings.content_kinds import ContentKind
from devices.domain.warnings.kinds import Touch
from devices.domain.warnings.registry import RULES, Review, review
from devices.domain.warnings.rule import Finding, Rule
from devices.domain.warnings.situation import AddressLookup, AddressUse, OwnSession, Situation

__all__ = [
    "RULES",
    "AddressLookup",
    "AddressUse",
    "ContentKind",
    "Finding",
    "OwnSession",
    "Review",
    "Rule",
    "Situation",
    "Touch",
    "addresses_in",
    "review",
]

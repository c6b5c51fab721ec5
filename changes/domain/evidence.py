"""What evidence packs can be about, and the states that they go through."""

from typing import Final

from changes.domain.approval_facts import Denial, Person, Verdict
from changes.domain.labels import Labelled
from changes.domain.policy import GATE_ROLE_DENIED
from changes.domain.roles import Role


class PackScope(Labelled):
    """What a pack shows."""

    CHANGE = "change"
    FILTER = "filter"
    WHOLE = "whole"

    @property
    def label(self) -> str:
        """The scope as shown on a page."""
        return {"change": "One change", "filter": "Chosen events", "whole": "The whole log"}[self.value]


class PackState(Labelled):
    """Where a pack is on its way: asked for, being written, waiting for its receipt, and what came of it."""

    WAITING = "waiting"
    MAKING = "making"
    SEALING = "sealing"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


OPEN: Final = frozenset({PackState.WAITING, PackState.MAKING, PackState.SEALING})
"""States in which a worker is at it, or has to be."""

READERS: Final = (Role.AUDITOR, Role.CHANGE_MANAGER, Role.ADMINISTRATOR)
"""Who may have packs made and take them: those who read the whole log."""


def may_have_evidence(person: Person) -> Verdict:
    """Ask for an evidence pack, and download it. Being a superuser is not enough."""
    if person.roles.isdisjoint(READERS):
        sentence = "Auditors, change managers and administrators have evidence packs made. Ask for one of these roles."
        return Verdict((Denial(GATE_ROLE_DENIED, sentence),))
    return Verdict(())

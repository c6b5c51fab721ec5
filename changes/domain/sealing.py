"""What must be sealed in the audit log before a plan is written to devices, and what a sealed event says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

AUDIT_NOT_SEALED: Final = "AUDIT_NOT_SEALED"
AUDIT_SEAL_BROKEN: Final = "AUDIT_SEAL_BROKEN"
SEAL_CODES: Final = (AUDIT_NOT_SEALED, AUDIT_SEAL_BROKEN)
CONFIRMED: Final = "run.recomputed_backout_confirmed"
"""By this a person lets lines be sent that were computed again."""

_DIGEST_NAME: Final[Mapping[str, str]] = {
    "approval": "plan_digest",
    "change": "plan_digest",
    "template_review": "digest",
    "run": "lines_digest",
}


@dataclass(frozen=True, slots=True)
class Carrier:
    """What carries a plan to the devices, as its row says.

    An approval, the step by which the change became approved, a review of the template's text, or the confirmation of a
    way back that was computed again. ``kind`` is the object type of its event, ``digest`` what was approved, ``words``
    the stage, the role, or the type of the change.
    """

    kind: str
    object_id: int
    digest: str
    words: str = ""
    person_id: int | None = None
    """Who approved, where the event has to name them."""

    @property
    def name(self) -> str:
        """The words of a sentence."""
        names = {
            "approval": f"the approval of the stage “{self.words}”",
            "change": "the event by which the change became approved",
            "template_review": f"the approval of the template by the role “{self.words}”",
        }
        return names.get(self.kind, "the confirmation of the lines that were computed again")


def is_told_by(carrier: Carrier, body: Mapping[str, Any]) -> bool:
    """Whether the body of a sealed event says of this thing that it was approved, with this digest.

    In events of older versions a change that became approved by approvals that were carried over names no digest (they
    do), and an approval names its person as who acted only, and no stage.
    """
    about, state, details = (_mapping(body.get(name)) for name in ("object", "state", "details"))
    if (about.get("type"), about.get("id")) != (carrier.kind, str(carrier.object_id)):
        return False
    if carrier.kind != "run" and state.get("to") != "approved":
        return False
    if carrier.kind == "run" and body.get("action") != CONFIRMED:
        return False
    if carrier.kind == "approval":
        person = details.get("approver_id", _mapping(body.get("actor")).get("id"))
        if (details.get("stage", carrier.words), person) != (carrier.words, carrier.person_id):
            return False
    given = details.get(_DIGEST_NAME[carrier.kind])
    return given == carrier.digest or (carrier.kind == "change" and carrier.words != "standard" and given is None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

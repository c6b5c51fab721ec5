"""Legal holds: placed by one person, released by two. Each step is an event of the log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from audit.actor import Actor
from audit.errors import BadFilterError
from audit.filters import EventFilter, whole_number
from audit.models import ArchivedEvent, Event, LegalHold
from audit.recorder import ObjectType, record
from audit.retention.errors import BadRetentionError, HoldNotFoundError, HoldStateError
from audit.retention.people import KEEPERS, demand_role, refuse
from audit.retention.vocabulary import HoldState
from audit.sealing.proof import Standing, proof_state

MATTER_LIMIT: Final = 120
REASON_LIMIT: Final = 4_000
FIELDS: Final = ("matter", "reason", "change_id", "since", "until")


def hold_place(*, actor: Actor, given: Mapping[str, str]) -> LegalHold:
    """Keep the events of a change, or of a time range, in the database until two people release them.

    ``given`` has ``matter`` (how people call the case), ``reason``, and either ``change_id`` or ``since`` and perhaps
    ``until``, as texts like the filters of the log.

    Raises:
        RetentionRefusedError: neither an auditor nor an administrator; the attempt is recorded.
        BadRetentionError: a text is missing or too long, or it is neither one change nor one range.
    """
    person = demand_role(actor, KEEPERS, attempt="place", kind=ObjectType.LEGAL_HOLD)
    change_id, since, until = _scope(given)
    hold = LegalHold(
        matter=_text(given, "matter", MATTER_LIMIT, "Say which case this is for, such as a file number."),
        reason=_text(given, "reason", REASON_LIMIT, "Say why these events must stay."),
        change_id=change_id,
        since=since,
        until=until,
        placed_by_id=person,
        placed_by_name=actor.username,
    )
    with transaction.atomic():
        hold.save(force_insert=True)
        _record(actor, hold, "placed", state_from="", reason=hold.reason)
    return hold


def hold_propose_release(*, actor: Actor, hold_id: int, reason: str) -> LegalHold:
    """Propose that a hold ends. It goes on holding until somebody else agrees.

    Raises:
        RetentionRefusedError: neither an auditor nor an administrator; the attempt is recorded.
        HoldNotFoundError: there is none.
        HoldStateError: its release is proposed already, or it was released.
        BadRetentionError: the reason is missing.
    """
    person = demand_role(actor, KEEPERS, attempt="release", kind=ObjectType.LEGAL_HOLD, thing=hold_id)
    why = _text({"reason": reason}, "reason", REASON_LIMIT, "Say why these events need not be held any more.")
    with transaction.atomic():
        hold = _locked(hold_id, HoldState.ACTIVE)
        hold.state, hold.proposed_by_id, hold.proposed_by_name = HoldState.RELEASE_PROPOSED, person, actor.username
        hold.proposed_why = why
        hold.save(update_fields=["state", "proposed_by_id", "proposed_by_name", "proposed_why"])
        _record(actor, hold, "release_proposed", state_from=HoldState.ACTIVE, reason=why)
    return hold


def hold_decline_release(*, actor: Actor, hold_id: int, reason: str) -> LegalHold:
    """Take a proposed release back, or decline somebody else's: the hold stays.

    Raises:
        RetentionRefusedError: neither an auditor nor an administrator; the attempt is recorded.
        HoldNotFoundError: there is none.
        HoldStateError: no release is proposed.
        BadRetentionError: the reason is missing.
    """
    demand_role(actor, KEEPERS, attempt="decline", kind=ObjectType.LEGAL_HOLD, thing=hold_id)
    why = _text({"reason": reason}, "reason", REASON_LIMIT, "Say why the hold stays.")
    with transaction.atomic():
        hold = _locked(hold_id, HoldState.RELEASE_PROPOSED)
        hold.state, hold.proposed_by_id, hold.proposed_by_name = HoldState.ACTIVE, None, ""
        hold.proposed_why = ""
        hold.save(update_fields=["state", "proposed_by_id", "proposed_by_name", "proposed_why"])
        _record(actor, hold, "release_declined", state_from=HoldState.RELEASE_PROPOSED, reason=why)
    return hold


def hold_release(*, actor: Actor, hold_id: int) -> LegalHold:
    """Agree to a proposed release; events whose time is over may then go to an archive.

    Raises:
        RetentionRefusedError: neither an auditor nor an administrator, or the person who proposed it; the attempt is
            recorded.
        HoldNotFoundError: there is none.
        HoldStateError: no release is proposed, or the proposal is not sealed yet.
    """
    person = demand_role(actor, KEEPERS, attempt="release", kind=ObjectType.LEGAL_HOLD, thing=hold_id)
    proposed_by = LegalHold.objects.filter(pk=hold_id).values_list("proposed_by_id", flat=True).first()
    if proposed_by == person:
        sentence = "You proposed this release yourself. Somebody else has to agree to it."
        refuse(actor, sentence, attempt="release", kind=ObjectType.LEGAL_HOLD, thing=hold_id)
    with transaction.atomic():
        hold = _locked(hold_id, HoldState.RELEASE_PROPOSED)
        _demand_sealed(hold)
        hold.state, hold.released_by_id, hold.released_by_name = HoldState.RELEASED, person, actor.username
        hold.released_at = Now()
        hold.save(update_fields=["state", "released_by_id", "released_by_name", "released_at"])
        hold.refresh_from_db(fields=["released_at"])
        _record(actor, hold, "released", state_from=HoldState.RELEASE_PROPOSED, reason=hold.proposed_why)
    return hold


def _scope(given: Mapping[str, str]) -> tuple[int | None, datetime | None, datetime | None]:
    for name in given:
        if name not in FIELDS:
            raise BadRetentionError(name[:60], f"There is no such field. Use {', '.join(FIELDS)}.")
    change, times = (
        given.get("change_id", "").strip(),
        {name: given.get(name, "").strip() for name in ("since", "until")},
    )
    if bool(change) == bool(times["since"]) or (change and times["until"]):
        raise BadRetentionError("change_id", "Give either one change, or when a time range begins.")
    try:
        if change:
            number = whole_number("change_id", change.upper().removeprefix("CHG-").lstrip("0"))
            if not any(model.objects.filter(change_id=number).exists() for model in (Event, ArchivedEvent)):
                raise BadRetentionError("change_id", f"The log has no event of the change {number}.")
            return number, None, None
        wanted = EventFilter.parse(times)
    except BadFilterError as error:
        raise BadRetentionError(error.field, str(error)) from None
    if wanted.since and wanted.until and wanted.until <= wanted.since:
        raise BadRetentionError("until", "The range ends before it begins. Give a later end, or none.")
    return None, wanted.since, wanted.until


def _text(given: Mapping[str, str], name: str, limit: int, missing: str) -> str:
    text = given.get(name, "").strip()
    if not text:
        raise BadRetentionError(name, missing)
    if len(text) > limit:
        raise BadRetentionError(name, f"{name} is longer than {limit} characters. Shorten it.")
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise BadRetentionError(name, f"{name} holds characters that cannot be stored. Type it anew.")
    return text


def _locked(hold_id: int, state: HoldState) -> LegalHold:
    hold = LegalHold.objects.select_for_update(no_key=True).filter(pk=hold_id).first()
    if hold is None:
        raise HoldNotFoundError(hold_id)
    if hold.state != state:
        is_now = {
            HoldState.ACTIVE: "No release of this hold is proposed.",
            HoldState.RELEASE_PROPOSED: "The release of this hold is proposed already.",
            HoldState.RELEASED: "This hold was released already.",
        }
        raise HoldStateError(is_now[HoldState(hold.state)])
    return hold


def _demand_sealed(hold: LegalHold) -> None:
    """The database demands it too: so nobody can invent a proposal together with its release."""
    proposals = Event.objects.filter(
        object_type="legal_hold", object_id=str(hold.pk), action="legal_hold.release_proposed"
    )
    last = proposals.order_by("-pk").values_list("pk", flat=True).first()
    if last is None or proof_state([last])[last].standing is not Standing.SEALED:
        raise HoldStateError("The proposal is not sealed in the audit log yet. Try again in a moment.")


def _record(actor: Actor, hold: LegalHold, step: str, *, state_from: str, reason: str) -> None:
    record(
        actor=actor,
        action=f"legal_hold.{step}",
        object_type=ObjectType.LEGAL_HOLD,
        object_id=hold.pk,
        object_label=hold.matter,
        change_id=hold.change_id,
        state_from=state_from,
        state_to=hold.state,
        reason=reason,
        after={
            "held_change_id": hold.change_id,
            "since": hold.since,
            "until": hold.until,
            "proposed_by": hold.proposed_by_name,
            "released_by": hold.released_by_name,
        },
    )

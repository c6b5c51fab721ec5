"""Tree heads that people keep: handing one out, and comparing one with the log as it is now. Both are events."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.db import transaction
from django.db.models import Max

from audit.actor import Actor
from audit.checkpoints import SignedHead, verify_checkpoint
from audit.errors import CheckpointNotFoundError, LogClosedError, NotSealedError, UnreadableCheckpointError
from audit.merkle import verify_consistency
from audit.models import Event
from audit.notes import BadSignatureError, NoteError, UnknownSignerError
from audit.readers import reads_log
from audit.recorder import ObjectType, record
from audit.sealing.enclosing import EnclosedHead, HeadProofs, head_of_size, newest_head
from audit.sealing.proof import ProofProblem
from audit.sealing.trust import trusted_keys
from audit.tiles import MissingHashError

DOWNLOADED: Final = "audit.checkpoint_downloaded"
COMPARED: Final = "audit.checkpoint_compared"
NEWEST_DOWNLOADED: Final = 200
"""So many tree heads that people took are proved in every evidence pack."""
_SIZE: Final = "^[0-9]{1,18}$"


class Verdict(StrEnum):
    """What the log is to a checkpoint that somebody kept."""

    CONTINUED = "CHECKPOINT_CONTINUED"
    OTHER_KEY = "CHECKPOINT_OTHER_KEY"
    ALTERED = "CHECKPOINT_ALTERED"
    AHEAD = "CHECKPOINT_AHEAD"
    OTHER_HISTORY = "CHECKPOINT_OTHER_HISTORY"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing a kept checkpoint: the verdict, a sentence, and both sizes in entries.

    ``kept`` is ``None`` where no known key has signed it, so that nothing that it says counts.
    """

    verdict: Verdict
    sentence: str
    kept: int | None
    now: int


def checkpoint_download(*, actor: Actor, size: int) -> EnclosedHead:
    """Hand out the checkpoint over ``size`` entries and record that, so that every later evidence pack continues it.

    Raises:
        LogClosedError: the person may not read the log.
        CheckpointNotFoundError: no checkpoint has this size.
        NotSealedError: no key that is known here has signed it.
    """
    _admit(actor)
    head = head_of_size(size)
    if head is None:
        raise CheckpointNotFoundError(size)
    with transaction.atomic():
        record(
            actor=actor,
            action=DOWNLOADED,
            object_type=ObjectType.CHECKPOINT,
            object_id=size,
            object_label=f"Checkpoint of {size} entries",
            details={"root": head.signed.head.root.hex()},
        )
    return head


def downloaded_sizes() -> list[int]:
    """Sizes of the 200 checkpoints that people took last, each once, smallest first. One query.

    Who takes one checkpoint again and again pushes no other out. An event that names no size counts for none.
    """
    taken = Event.objects.filter(action=DOWNLOADED, object_type=ObjectType.CHECKPOINT, object_id__regex=_SIZE)
    last = taken.values("object_id").annotate(last=Max("pk")).order_by("-last").values_list("object_id", flat=True)
    return sorted(int(size) for size in last[:NEWEST_DOWNLOADED])


def checkpoint_compare(*, actor: Actor, note: str) -> Comparison:
    """Say whether the log continues a checkpoint that somebody kept, by a consistency proof; the answer is an event.

    The proof is made from the stored tree and verified against the newest checkpoint. This is the server's own word:
    ``verify.py`` gives the same answer without it.

    Raises:
        LogClosedError: the person may not read the log.
        UnreadableCheckpointError: the text is no checkpoint.
        NotSealedError: nothing is sealed yet, or no known key has signed the newest checkpoint.
        KeyFileError: the file of the public keys cannot be read.
    """
    _admit(actor)
    try:
        now = newest_head()
        comparison = _compare(_plain(note), now)
    except NoteError as error:
        raise UnreadableCheckpointError(str(error)) from None
    with transaction.atomic():
        record(
            actor=actor,
            action=COMPARED,
            object_type=ObjectType.CHECKPOINT,
            object_id="unknown" if comparison.kept is None else comparison.kept,
            code="" if comparison.verdict is Verdict.CONTINUED else comparison.verdict.value,
            reason=comparison.sentence,
            details={"entries_now": comparison.now, "root_now": now.signed.head.root.hex()},
        )
    return comparison


def _admit(actor: Actor) -> None:
    if not reads_log(actor.user_id):
        raise LogClosedError


def _plain(note: str) -> str:
    """The note as it was signed: browsers write CR LF, editors a mark at the start; copying adds or loses blanks."""
    return note.removeprefix("\ufeff").replace("\r\n", "\n").strip(" \t\n") + "\n"


def _compare(note: str, now: EnclosedHead) -> Comparison:
    keys = trusted_keys()
    if not keys:
        raise NotSealedError(ProofProblem.NO_KEYS.sentence)
    try:
        kept = verify_checkpoint(note, keys)
    except UnknownSignerError as error:
        sentence = (
            f"{error} Either the key of this log was changed, or this is the checkpoint of another log. Compare its"
            " signature line with the keys on this page and with those that you were given by another way."
        )
        return Comparison(Verdict.OTHER_KEY, sentence, None, now.size)
    except BadSignatureError as error:
        sentence = f"{error} The checkpoint was altered after it was signed, or was not copied whole."
        return Comparison(Verdict.ALTERED, sentence, None, now.size)
    return _against(kept, now)


def _against(kept: SignedHead, now: EnclosedHead) -> Comparison:
    old, new = kept.head, now.signed.head
    if old.size > new.size:
        sentence = (
            f"You hold a checkpoint of {old.size} entries, but the log has {new.size} now: it was taken back to an"
            " older state, for example by restoring a backup. Keep your checkpoint and report this."
        )
        return Comparison(Verdict.AHEAD, sentence, old.size, new.size)
    if old.origin != new.origin or not _continues(kept, now):
        sentence = (
            f"The log does not continue your checkpoint of {old.size} entries: two different histories were signed."
            " Keep your checkpoint and report this."
        )
        return Comparison(Verdict.OTHER_HISTORY, sentence, old.size, new.size)
    since = new.size - old.size
    sentence = (
        f"The log continues your checkpoint: its first {old.size} entries are those that you were shown, unchanged and"
        f" complete. {since} {'entry has' if since == 1 else 'entries have'} come since."
    )
    return Comparison(Verdict.CONTINUED, sentence, old.size, new.size)


def _continues(kept: SignedHead, now: EnclosedHead) -> bool:
    old, new = kept.head, now.signed.head
    try:
        proof = HeadProofs(new.size).consistency(old.size) if old.size else []
    except MissingHashError:
        return False
    return verify_consistency(old_size=old.size, old_root=old.root, size=new.size, root=new.root, proof=proof)

"""Where an event stands in the sealed log, in words."""

from __future__ import annotations

from dataclasses import dataclass

from audit.sealing.proof import EventProof, ProofProblem, ProofState, Standing


@dataclass(frozen=True, slots=True)
class ProofMark:
    """A short mark for a row, and the sentence behind it."""

    text: str
    sentence: str
    tone: str
    icon: str


def proof_mark(state: ProofState) -> ProofMark:
    """The mark of an event."""
    if state.standing == Standing.SEALED and state.signed_at is not None:
        sentence = (
            f"Leaf {state.leaf_index} of the tree, under the checkpoint of {state.tree_size} entries "
            f"that was signed on {state.signed_at:%d %b %Y at %H:%M:%S} UTC."
        )
        return ProofMark(f"Leaf {state.leaf_index}", sentence, "ok", "check")
    if state.standing == Standing.PENDING:
        return ProofMark("Pending", "It waits for the sealer, which signs about every second.", "wait", "clock")
    sentence = "It is neither sealed nor waiting for the sealer. Run manage.py audit_verify."
    return ProofMark("Not sealed", sentence, "bad", "alert")


def checked_mark(found: EventProof | ProofProblem) -> ProofMark:
    """What came of proving one event while its page was made, from its stored bytes up to the signature."""
    if isinstance(found, EventProof):
        sentence = (
            f"Proved as this page was made: the stored bytes are leaf {found.leaf_index} of the tree of"
            f" {found.signed.head.size} entries that {found.signed.head.origin} has signed."
        )
        return ProofMark("Proved", sentence, "ok", "check")
    if found is ProofProblem.PENDING:
        return ProofMark("Pending", found.sentence, "wait", "clock")
    return ProofMark("Not proved", found.sentence, "bad", "alert")

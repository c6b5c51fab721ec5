"""The folder ``log/`` of a pack: the signed tree head, the keys, and the proofs that lead to that head."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from django.db.models import QuerySet

from audit.models import Event
from audit.sealing.comparing import downloaded_sizes
from audit.sealing.enclosing import (
    EnclosedHead,
    HeadProofs,
    anchored_sizes,
    head_of_size,
    newest_head,
    sealed_lines,
    sealed_places,
    verifier_keys,
)
from changes.domain.canonical import canonical_json
from changes.services.evidence.archive import Archive

PROOFS_AT_ONCE: Final = 500


def write_log(
    archive: Archive,
    *,
    chosen: QuerySet[Event] | None,
    content_size: int,
    receipt: int,
    held_sizes: Iterable[int],
    between: Callable[[int], None],
) -> EnclosedHead:
    """Write what proves the events among the first ``content_size`` entries, and the receipt; what head they rest on.

    ``between`` is told how many more proofs were made, so that the worker's lease does not end.
    """
    head = newest_head()
    proofs = HeadProofs(head.size)
    archive.add("log/keys", "".join(f"{key}\n" for key in verifier_keys()).encode())
    archive.add("log/checkpoint", head.note.encode())
    earlier = b"".join(_consistencies(head, proofs, {*anchored_sizes(), *downloaded_sizes(), *held_sizes}))
    if earlier:
        archive.add("log/consistency.jsonl", earlier)
    archive.add("log/receipt.jsonl", b"".join(_receipt(receipt, head, proofs)))
    if chosen is None:
        path = [item.hex() for item in proofs.consistency(content_size)]
        archive.add("log/whole.json", canonical_json({"proof": path}))
    else:
        archive.stream("log/proofs.jsonl", _inclusions(chosen, content_size, proofs, between))
    return head


def _consistencies(head: EnclosedHead, proofs: HeadProofs, sizes: Iterable[int]) -> Iterator[bytes]:
    for size in sorted(sizes):
        old = head_of_size(size) if 0 < size <= head.size else None
        if old is not None:
            path = [item.hex() for item in proofs.consistency(size)]
            yield canonical_json({"size": size, "checkpoint": old.note, "proof": path}) + b"\n"


def _receipt(event_id: int, head: EnclosedHead, proofs: HeadProofs) -> Iterator[bytes]:
    for found in sealed_lines(Event.objects.filter(pk=event_id), head.size):
        yield found.line.encode() + b"\n"
        yield _inclusion(found.event_id, found.leaf_index, proofs)


def _inclusions(
    chosen: QuerySet[Event], size: int, proofs: HeadProofs, between: Callable[[int], None]
) -> Iterator[bytes]:
    for count, (leaf_index, event_id) in enumerate(sealed_places(chosen, size), start=1):
        yield _inclusion(event_id, leaf_index, proofs)
        if count % PROOFS_AT_ONCE == 0:
            between(PROOFS_AT_ONCE)


def _inclusion(event_id: int, leaf_index: int, proofs: HeadProofs) -> bytes:
    """In canonical form, which numbers and hexadecimal digits have as they are."""
    path = '","'.join([item.hex() for item in proofs.inclusion(leaf_index)])
    proof = f'["{path}"]' if path else "[]"
    return f'{{"event":{event_id},"leaf":{leaf_index},"proof":{proof}}}\n'.encode()

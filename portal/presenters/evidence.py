"""Evidence packs as their pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.template.defaultfilters import filesizeformat
from django.urls import reverse

from changes.domain.evidence import PackScope, PackState
from changes.models import EvidencePack
from changes.services.evidence.downloading import filename_of
from portal.presenters.visible import Mask

_TONES: Final = {PackState.READY: "ok", PackState.FAILED: "bad", PackState.EXPIRED: "idle"}
_DOING: Final = {
    PackState.WAITING: "It waits for a worker.",
    PackState.MAKING: "A worker collects events, plans, transcripts and configurations.",
    PackState.SEALING: "The log has to say that this pack was made. Then the proofs are written.",
    PackState.READY: "It can be downloaded.",
    PackState.FAILED: "It could not be made.",
    PackState.EXPIRED: "Its time was over, and the archive was removed. Ask for a new one.",
}


def pack_rows(packs: Iterable[EvidencePack], mask: Mask) -> list[dict[str, Any]]:
    """The rows of the list."""
    return [
        {
            "pack": pack,
            "title": mask.prose(title_of(pack)),
            "url": reverse("evidence-detail", args=[pack.pk]),
            "state": PackState(pack.state).label,
            "tone": _TONES.get(PackState(pack.state), "run"),
            "size": filesizeformat(pack.size) if pack.size else "",
        }
        for pack in packs
    ]


def title_of(pack: EvidencePack) -> str:
    """What a pack is about, in a few words."""
    if pack.change is not None:
        return f"{pack.change.number} {pack.change.title}"
    return PackScope(pack.scope).label


def pack_detail(pack: EvidencePack, mask: Mask) -> dict[str, Any]:
    """What the page of one pack says."""
    return {
        "title": mask.prose(title_of(pack)),
        "state": PackState(pack.state).label,
        "tone": _TONES.get(PackState(pack.state), "run"),
        "doing": pack.detail or _DOING[PackState(pack.state)],
        "code": pack.code,
        "done": pack.events_done,
        "total": pack.events_total,
        "size": filesizeformat(pack.size),
        "filename": filename_of(pack),
        "filters": [(name, mask.prose(str(value))) for name, value in pack.filters.items()],
        "events_url": f"{reverse('audit-list')}?object_type=evidence_pack&object_id={pack.pk}",
    }

"""What happened to a plan while somebody was reading it."""

from __future__ import annotations

from dataclasses import dataclass

from changes.models import ChangeRequest, DevicePlan, PlanRevision
from portal.presenters.selection import Selection
from portal.presenters.words import few


@dataclass(frozen=True, slots=True)
class Replaced:
    """The plan that was decided on, and the one that stands now."""

    sentence: str
    differences: tuple[str, ...]
    present_url: str


def replaced_plan(change: ChangeRequest, given: str) -> Replaced | None:
    """What stands now instead of the plan with the digest ``given``; None where a plan of that digest is current.

    At most three queries.
    """
    now = change.revision
    if now is None or given == now.digest:
        return None
    before = change.revisions.filter(digest=given).exclude(digest="").order_by("-number").first()
    url = Selection(change.pk).url()
    if before is None:
        sentence = (
            f"No revision of {change.number} has the digest that your page named. Revision {now.number} stands now."
        )
        return Replaced(sentence, (), url)
    sentence = f"The plan was rebuilt: revision {now.number} replaced revision {before.number}, which you were reading."
    return Replaced(sentence, tuple(_differences(before, now)), url)


def _differences(before: PlanRevision, now: PlanRevision) -> list[str]:
    old, new = _digests(before), _digests(now)
    changed = [name for name, digest in new.items() if name in old and old[name] != digest]
    added = [name for name in new if name not in old]
    gone = [name for name in old if name not in new]
    found = [
        (changed, "Another plan than before: {}."),
        (added, "New in the plan: {}."),
        (gone, "No longer in the plan: {}."),
    ]
    sentences = [text.format(few(names)) for names, text in found if names]
    same = len(new) - len(changed) - len(added)
    return [*sentences, f"Unchanged: {same} of {len(new)} devices; your viewed marks on them stand."]


def _digests(revision: PlanRevision) -> dict[str, str]:
    plans = DevicePlan.objects.filter(revision=revision).order_by("position")
    return dict(plans.values_list("device__name", "digest"))

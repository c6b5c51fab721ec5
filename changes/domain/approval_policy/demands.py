"""What a policy asks of one change, why, and whether one answer asks more than another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self, TypeVar

from changes.domain.approval_policy.stages import Stage
from changes.domain.approval_policy.vocabulary import Duty
from changes.domain.canonical import CanonicalError, canonical_json, parse_canonical
from changes.domain.errors import ChangeError
from changes.domain.roles import group_label
from changes.domain.states import ChangeEvent


class DemandError(ChangeError):
    """A stored demand is not one that an evaluation wrote."""

    code = "DEMAND_MISMATCH"

    def __str__(self) -> str:
        return "What the policy asked of this plan was altered after it was stored. Find out who changed the row."


@dataclass(frozen=True, slots=True)
class Because:
    """One rule that asked, and the facts that made its condition hold, as clauses.

    ``certain`` is False where a fact was missing, so that the rule was taken as holding.
    """

    rule: str
    facts: tuple[str, ...]
    reason: str = ""
    quorum: int = 0
    certain: bool = True


@dataclass(frozen=True, slots=True)
class AskedStage:
    """A stage that is asked, with every rule that asked for it in the order of the rules' names."""

    stage: Stage
    title: str
    because: tuple[Because, ...]

    @property
    def sentence(self) -> str:
        """Who is asked and why: "Security is asked because an access list (ACL) is touched on 3 devices."."""
        return f"{self.title} is asked because {_joined(self.because)}."


@dataclass(frozen=True, slots=True)
class AskedDuty:
    """A duty that is asked, with every rule that asked for it."""

    duty: Duty
    because: tuple[Because, ...]

    @property
    def sentence(self) -> str:
        """What is asked, and why."""
        return f"{self.duty.label}: asked because {_joined(self.because)}."


@dataclass(frozen=True, slots=True)
class Demand:
    """The answer of one policy version about one plan.

    ``pre_approved`` is True only for a standard change inside its approved envelope: then, and only then, ``stages``
    is empty. ``path`` says in a sentence how the change is judged.
    """

    policy: str
    policy_digest: str
    stages: tuple[AskedStage, ...]
    duties: tuple[AskedDuty, ...] = ()
    pre_approved: bool = False
    path: str = ""

    def as_stages(self) -> tuple[Stage, ...]:
        """The stages for :class:`changes.domain.policy.ChangeFacts`, in the order in which they open."""
        return tuple(asked.stage for asked in self.stages)

    def as_duties(self) -> frozenset[Duty]:
        """The duties without their reasons."""
        return frozenset(asked.duty for asked in self.duties)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of :meth:`to_data`, in hexadecimal digits."""
        return data_digest(self.to_data())

    @classmethod
    def from_data(cls, data: object) -> Self:
        """Read what :meth:`to_data` wrote, and nothing else: every field and every sentence has to be as written.

        Raises:
            DemandError: it is not exactly what an evaluation writes.
        """
        try:
            found = _demand(cls, data)
            same = canonical_json(found.to_data()) == canonical_json(data)
        except (KeyError, TypeError, ValueError, IndexError, CanonicalError) as error:
            raise DemandError from error
        if not same:
            raise DemandError
        return found

    def to_data(self) -> dict[str, object]:
        """As JSON for a page or the API, with every sentence."""
        return {
            "policy": self.policy,
            "policy_digest": self.policy_digest,
            "pre_approved": self.pre_approved,
            "path": self.path,
            "stages": [_stage_data(asked) for asked in self.stages],
            "duties": [
                {"duty": asked.duty.value, "sentence": asked.sentence, "because": _because_data(asked.because)}
                for asked in self.duties
            ],
        }


def data_digest(data: object) -> str:
    """The digest of a stored demand; two differ exactly where their content does.

    Raises:
        DemandError: the data could not have been stored by :meth:`Demand.to_data`.
    """
    try:
        return hashlib.sha256(canonical_json(data)).hexdigest()
    except CanonicalError as error:
        raise DemandError from error


def stored_demand(data: object, digest: str) -> Demand:
    """The demand of a plan as it is stored, where it still has the digest that was kept beside it.

    Raises:
        DemandError: it has another digest, or is no demand.
    """
    try:
        text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise DemandError from error
    return _stored(text, digest)


@lru_cache(maxsize=512)
def _stored(text: str, digest: str) -> Demand:
    """By its whole text, so that what is remembered is exactly what was proved."""
    try:
        written = text.encode()
        data = parse_canonical(written)
    except (UnicodeEncodeError, CanonicalError) as error:
        raise DemandError from error
    if hashlib.sha256(written).hexdigest() != digest:
        raise DemandError
    return Demand.from_data(data)


def stages_with_more(before: Demand, after: Demand) -> frozenset[str]:
    """The names of the stages whose approvals no longer do where the second answer asks more than the first.

    All of them where the stages are asked in another order.
    """
    old = {asked.stage.name: asked.stage for asked in before.stages}
    if _other_order(before, after):
        return frozenset(old)
    kept = {asked.stage.name for asked in after.stages}
    stricter = {
        asked.stage.name
        for asked in after.stages
        if asked.stage.name in old and any(_stricter(old[asked.stage.name], asked))
    }
    return frozenset(stricter | (old.keys() - kept))


def asks_more(before: Demand, after: Demand) -> tuple[str, ...]:
    """What the second answer asks beyond the first, as sentences; empty: approvals given under the first still do.

    Whatever narrows who may approve, shortens how long it counts, or adds people, stages or duties is more. Raising
    the version alone, asking less, or telling other people of a waiting stage is not.
    """
    old = {asked.stage.name: asked for asked in before.stages}
    found: list[str] = []
    if before.pre_approved and not after.pre_approved:
        found.append("The change is no longer pre-approved.")
    for asked in after.stages:
        known = old.get(asked.stage.name)
        found += [f"The stage {asked.title} is new."] if known is None else _stricter(known.stage, asked)
    found += _other_order(before, after)
    found += [f"New duty: {duty.label}." for duty in Duty if duty in after.as_duties() - before.as_duties()]
    return tuple(found)


def _stricter(old: Stage, asked: AskedStage) -> Iterator[str]:
    new, title = asked.stage, asked.title
    if new.quorum > old.quorum:
        yield f"The stage {title} asks for {new.quorum} approvals instead of {old.quorum}."
    if gone := [group for group in old.groups if group not in new.groups]:
        yield f"In the stage {title} members of {_labels(gone)} no longer approve."
    if new.from_each_group and not (old.from_each_group and set(new.groups) <= set(old.groups)):
        yield f"The stage {title} asks for an approval from each of {_labels(new.groups)}."
    if new.expires_after_h and (not old.expires_after_h or new.expires_after_h < old.expires_after_h):
        yield f"An approval in the stage {title} counts for {new.expires_after_h} hours only."
    if gone := [group for group in old.delegates if group not in new.delegates]:
        yield f"In the stage {title} members of {_labels(gone)} no longer act for others."
    if new.event is not old.event:
        yield f"The stage {title} belongs to another step of the review."


def _other_order(before: Demand, after: Demand) -> list[str]:
    """A stage that was to be decided in the light of another must still come after it."""
    names = [asked.stage.name for asked in after.stages]
    kept = [asked.stage.name for asked in before.stages if asked.stage.name in names]
    if kept == [name for name in names if name in kept]:
        return []
    return ["The stages are asked in another order."]


_Found = TypeVar("_Found", bound=Demand)


def _labels(groups: tuple[str, ...] | list[str]) -> str:
    return ", ".join(group_label(group) for group in groups)


def _joined(because: tuple[Because, ...]) -> str:
    clauses = tuple(dict.fromkeys(_clause(one) for one in because))
    return "; and because ".join(clauses)


def _clause(one: Because) -> str:
    return ", and ".join(one.facts)


def _stage_data(asked: AskedStage) -> dict[str, object]:
    stage = asked.stage
    return {
        "name": stage.name,
        "title": asked.title,
        "event": stage.event.value,
        "groups": list(stage.groups),
        "quorum": stage.quorum,
        "from_each_group": stage.from_each_group,
        "expires_after_h": stage.expires_after_h,
        "delegates": list(stage.delegates),
        "escalate": {"after_h": stage.escalate_after_h, "to": list(stage.escalate_to)},
        "remind_every_h": stage.remind_every_h,
        "sentence": asked.sentence,
        "because": _because_data(asked.because),
    }


def _because_data(because: tuple[Because, ...]) -> list[dict[str, object]]:
    return [
        {
            "rule": one.rule,
            "reason": one.reason,
            "facts": list(one.facts),
            "quorum": one.quorum,
            "certain": one.certain,
        }
        for one in because
    ]


def _demand(cls: type[_Found], data: Any) -> _Found:  # noqa: ANN401 - what is stored is compared as a whole
    """Read it. What the comparison of the whole cannot see is asked here: other types, and that somebody is asked."""
    flags = [data["pre_approved"], *(each["from_each_group"] for each in data["stages"])]
    if any(not isinstance(flag, bool) for flag in flags) or data["pre_approved"] is bool(data["stages"]):
        raise ValueError
    if any(isinstance(each["quorum"], bool) or each["quorum"] < 1 for each in data["stages"]):
        raise ValueError
    return cls(
        policy=data["policy"],
        policy_digest=data["policy_digest"],
        stages=tuple(
            AskedStage(_stage(each), each["title"], tuple(map(_because, each["because"]))) for each in data["stages"]
        ),
        duties=tuple(AskedDuty(Duty(each["duty"]), tuple(map(_because, each["because"]))) for each in data["duties"]),
        pre_approved=data["pre_approved"],
        path=data["path"],
    )


def _stage(data: Mapping[str, Any]) -> Stage:
    return Stage(
        name=data["name"],
        group=data["groups"][0],
        quorum=data["quorum"],
        event=ChangeEvent(data["event"]),
        other_groups=tuple(data["groups"][1:]),
        from_each_group=data["from_each_group"],
        expires_after_h=data["expires_after_h"],
        delegates=tuple(data["delegates"]),
        escalate_after_h=data["escalate"]["after_h"],
        escalate_to=tuple(data["escalate"]["to"]),
        remind_every_h=data["remind_every_h"],
    )


def _because(data: Mapping[str, Any]) -> Because:
    return Because(data["rule"], tuple(data["facts"]), data["reason"], data["quorum"], data["certain"])

"""Manual steps of a plan: what a person has to do and confirm before its run goes on.

They are written in a template version or a change, frozen with the plan and signed with it: each device's payload
carries the SHA-256 of all steps beside its strategy (:func:`seal_of`), so that the plan digest covers them. A step
never goes on by itself. Without a confirmation in time the run ends, or takes back what it has done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from changes.domain.canonical import canonical_json
from changes.domain.input import Findings, hidden_character, one_of, shown, unknown_names
from changes.domain.labels import Labelled
from changes.domain.roles import Role

SEAL: Final = "steps_sha256"
"""The name under which a device payload's ``strategy`` holds the digest of the plan's steps; absent without steps."""

MAX_STEPS: Final = 20
TITLE_LIMIT: Final = 120
INSTRUCTION_LIMIT: Final = 4_000
MAX_WAVE: Final = 10_000
SHORTEST_S: Final = 60
LONGEST_S: Final = 7 * 86_400
DEFAULT_TIMEOUT_S: Final = 3_600


class StepPlace(Labelled):
    """Where in a run a step stands."""

    BEFORE = "before"
    AFTER_WAVE = "after_wave"
    END = "end"

    @property
    def label(self) -> str:
        """As a form's choice reads."""
        return {"before": "Before the first wave", "after_wave": "After a wave", "end": "At the end"}[self.value]


class Otherwise(Labelled):
    """What becomes of the run when a step is stopped, or not confirmed in time."""

    ABORT = "abort"
    ROLL_BACK = "roll_back"

    @property
    def label(self) -> str:
        """As a form's choice reads."""
        return {"abort": "Start nothing more", "roll_back": "Roll the change back"}[self.value]


class StepState(Labelled):
    """How far a step of a run has come."""

    PENDING = "pending"
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    STOPPED = "stopped"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"


STEP_ENDED: Final = frozenset({StepState.CONFIRMED, StepState.STOPPED, StepState.TIMED_OUT, StepState.SKIPPED})
CONFIRMING_ROLES: Final = (
    Role.IMPLEMENTER, Role.CHANGE_MANAGER, Role.PEER, Role.SECURITY, Role.SERVICE_OWNER, Role.CAB, Role.ECAB,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DecisionStep:
    """One manual step. Exactly one of ``person`` (a username) and ``role`` says who confirms it.

    ``person_id`` is the account that the username meant when the plan was frozen, 0 before: an account that takes the
    name over later confirms nothing. ``wave`` counts from 1 and is 0 unless the step stands after a wave.
    ``timeout_s`` counts from the moment at which the run begins to wait.
    """

    title: str
    instruction: str
    place: StepPlace
    wave: int = 0
    person: str = ""
    person_id: int = 0
    role: str = ""
    timeout_s: int = DEFAULT_TIMEOUT_S
    otherwise: Otherwise = Otherwise.ABORT

    @classmethod
    def of(cls, stored: Mapping[str, object]) -> Self:
        """A step as :meth:`as_data` gave it."""
        return cls(**{
            **stored, "place": StepPlace(str(stored["place"])), "otherwise": Otherwise(str(stored["otherwise"]))
        })  # type: ignore[arg-type]  # parse_steps judged every value  # fmt: skip

    def as_data(self) -> dict[str, str | int]:
        """All fields by their names, as plans freeze them."""
        return {
            "title": self.title, "instruction": self.instruction, "place": self.place.value, "wave": self.wave,
            "person": self.person, "person_id": self.person_id, "role": self.role, "timeout_s": self.timeout_s,
            "otherwise": self.otherwise.value,
        }  # fmt: skip

    def point(self, waves: Sequence[int]) -> int:
        """How many of a run's waves, given by their numbers in order, come before this step.

        A step after a wave that the run does not have stands where that wave would have been, so a run over the rest
        of a plan asks it as well.
        """
        if self.place is StepPlace.BEFORE:
            return 0
        if self.place is StepPlace.END:
            return len(waves)
        return sum(number <= self.wave for number in waves)

    @property
    def who(self) -> str:
        """Who confirms it, for a sentence."""
        return self.person or f"somebody with the role {Role(self.role).label}"

    @property
    def where(self) -> str:
        """Where it stands, for a sentence: "after wave 2"."""
        return f"after wave {self.wave}" if self.place is StepPlace.AFTER_WAVE else self.place.label.lower()


def seal_of(steps: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """What a device payload's strategy carries for these frozen steps: their SHA-256 under :data:`SEAL`, or nothing."""
    if not steps:
        return {}
    text = canonical_json([dict(step) for step in steps])
    return {SEAL: hashlib.sha256(text).hexdigest()}


def parse_steps(value: object, *, where: str = "steps") -> tuple[DecisionStep, ...]:
    """Judge a list of steps as people and scripts send it; what is left out takes its default.

    Each is an object of ``title``, ``instruction``, ``place`` (``before``, ``after_wave``, ``end``), ``wave``,
    ``person`` or ``role``, ``timeout_s`` and ``otherwise`` (``abort``, ``roll_back``). ``person_id`` is refused from
    outside; :func:`changes.services.decision_steps.steps_frozen` fills it in.

    Raises:
        InvalidInputError: with sentences under ``steps.<number>.<field>``, numbers from 0.
    """
    findings = Findings()
    if not isinstance(value, list | tuple):
        findings.add(where, "Give the steps as a list of objects.")
        findings.check()
        return ()
    if len(value) > MAX_STEPS:
        findings.add(where, f"A plan has at most {MAX_STEPS} steps; these are {len(value)}.")
        findings.check()
    steps = [_Reader(item, f"{where}.{number}", findings).step() for number, item in enumerate(value)]
    findings.check()
    return tuple(steps)


Kind = TypeVar("Kind", StepPlace, Otherwise)


class _Reader:
    """Reads one step and collects what is wrong with it."""

    def __init__(self, item: object, where: str, findings: Findings) -> None:
        self._where = where
        self._findings = findings
        self._item: Mapping[str, object] = item if isinstance(item, Mapping) else {}
        if not isinstance(item, Mapping):
            findings.add(where, 'Each step is an object, such as {"title": "Move the cable", "role": "implementer"}.')
        known = DecisionStep.__dataclass_fields__.keys() - {"person_id"}
        for name, sentence in unknown_names(self._item, known, "field").items():
            findings.add(f"{where}.{shown(name)}", sentence)

    def step(self) -> DecisionStep:
        place = self._choice("place", StepPlace, StepPlace.BEFORE)
        person, role = self._text("person", 150, required=False), self._role()
        if self._item and bool(person) == bool(role):
            self._add("person", "Say who confirms the step: either one person or one role.")
        return DecisionStep(
            title=self._text("title", TITLE_LIMIT),
            instruction=self._text("instruction", INSTRUCTION_LIMIT, lines=True),
            place=place,
            wave=self._wave(place),
            person=person,
            role=role,
            timeout_s=self._number("timeout_s", DEFAULT_TIMEOUT_S, SHORTEST_S, LONGEST_S, "the wait in seconds"),
            otherwise=self._choice("otherwise", Otherwise, Otherwise.ABORT),
        )

    def _add(self, name: str, sentence: str) -> None:
        self._findings.add(f"{self._where}.{name}", sentence)

    def _text(self, name: str, limit: int, *, required: bool = True, lines: bool = False) -> str:
        value = self._item.get(name, "")
        if not isinstance(value, str):
            self._add(name, "Give a text.")
            return ""
        text = value.replace("\r\n", "\n").strip()
        if required and not text:
            self._add(name, "This is empty. Whoever confirms the step has to know what to do.")
        if len(text) > limit:
            self._add(name, f"At most {limit:,} characters; these are {len(text):,}.")
        if sentence := hidden_character(text, allowed="\n\t" if lines else ""):
            self._add(name, sentence)
        return text

    def _role(self) -> str:
        value = self._item.get("role", "")
        allowed = {role.value for role in CONFIRMING_ROLES}
        if value and value not in allowed:
            self._add("role", f'"{shown(value)}" cannot confirm a step. Allowed: {one_of(allowed)}.')
        return value if isinstance(value, str) else ""

    def _choice(self, name: str, kind: type[Kind], default: Kind) -> Kind:
        value = self._item.get(name, default.value)
        if isinstance(value, str) and value in {member.value for member in kind}:
            return kind(value)
        self._add(name, f'"{shown(value)}" is not known. Allowed: {one_of({member.value for member in kind})}.')
        return default

    def _wave(self, place: StepPlace) -> int:
        if place is not StepPlace.AFTER_WAVE:
            if self._item.get("wave"):
                self._add("wave", "Only a step after a wave has the number of a wave. Leave it out.")
            return 0
        return self._number("wave", 0, 1, MAX_WAVE, "the number of the wave")

    def _number(self, name: str, default: int, low: int, high: int, what: str) -> int:
        value = self._item.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self._add(name, f"Give {what} as a whole number from {low:,} to {high:,}.")
        return low

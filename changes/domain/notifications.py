"""What people are told about, over which ways, and when: topics, channels, digests and the times of new attempts."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from changes.domain.labels import Labelled

SUBJECT_LIMIT: Final = 200
SENTENCE_LIMIT: Final = 1_000
PATH_LIMIT: Final = 500
DIGEST_HOUR: Final = 6
"""The hour, UTC, at which a daily digest is sent when its reader chose none."""


class Topic(Labelled):
    """What a notification is about. The value is stored and stands in webhook bodies; it never changes."""

    APPROVAL_WAITS = "approval_waits"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    DECIDED = "decided"
    CHANGES_REQUESTED = "changes_requested"
    APPROVAL_VOID = "approval_void"
    STALE = "stale"
    WINDOW_NEAR = "window_near"
    RUN_STARTED = "run_started"
    RUN_ENDED = "run_ended"
    RUN_NEEDS_PERSON = "run_needs_person"
    DECISION_STEP_WAITS = "decision_step_waits"
    MENTIONED = "mentioned"
    THREAD_REPLIED = "thread_replied"
    REVIEW_DUE = "review_due"
    ACTION_DUE = "action_due"
    TEST = "test"

    @property
    def label(self) -> str:
        """The topic as a page's heading names it."""
        return _WORDS[self][0]

    @property
    def about(self) -> str:
        """One sentence that says when such a notification comes."""
        return _WORDS[self][1]

    @property
    def asks(self) -> bool:
        """Whether somebody waits for an answer of the person: such topics go out by e-mail unless switched off."""
        return self in ASKING


_WORDS: Final[Mapping[Topic, tuple[str, str]]] = {
    Topic.APPROVAL_WAITS: ("Approval waits", "A change waits for a decision that you may make."),
    Topic.REMINDER: ("Reminder", "A change still waits for a decision that you may make."),
    Topic.ESCALATION: ("Escalation", "A decision that others have not made in time is passed on to you."),
    Topic.DECIDED: ("Decided", "Somebody approved or rejected a change that you wrote or edited."),
    Topic.CHANGES_REQUESTED: ("Changes requested", "A reviewer sent a change back that you wrote or edited."),
    Topic.APPROVAL_VOID: ("Approval void", "An approval of yours, or on your change, no longer counts."),
    Topic.STALE: ("Stale", "A change that you wrote or edited has to be planned and approved again."),
    Topic.WINDOW_NEAR: ("Window near", "The maintenance window of a change that you take part in opens soon."),
    Topic.RUN_STARTED: ("Run started", "A change that you wrote or edited is being implemented."),
    Topic.RUN_ENDED: ("Run ended", "The run of a change that you wrote, edited or implement has ended."),
    Topic.RUN_NEEDS_PERSON: ("Run needs a person", "A run is paused or waits after a wave, and you may answer."),
    Topic.DECISION_STEP_WAITS: ("Manual step waits", "A run waits for a manual step that you may confirm."),
    Topic.MENTIONED: ("Mentioned", "Somebody mentioned you in a discussion."),
    Topic.THREAD_REPLIED: ("Thread replied", "Somebody answered in a discussion that you take part in."),
    Topic.REVIEW_DUE: ("Review due", "A change waits for its review after implementation."),
    Topic.ACTION_DUE: ("Action due", "An action from a review that you own is due."),
    Topic.TEST: ("Test", "You asked for a test on your preferences page."),
}
ASKING: Final = frozenset({
    Topic.APPROVAL_WAITS, Topic.REMINDER, Topic.ESCALATION, Topic.CHANGES_REQUESTED, Topic.APPROVAL_VOID, Topic.STALE,
    Topic.RUN_NEEDS_PERSON, Topic.DECISION_STEP_WAITS, Topic.MENTIONED, Topic.REVIEW_DUE, Topic.ACTION_DUE,
})  # fmt: skip
CHOOSABLE: Final = tuple(topic for topic in Topic if topic is not Topic.TEST)
"""The topics that a person may switch on and off."""


class Channel(Labelled):
    """A way out of the portal. The list on the page is none: it only reads what was written."""

    EMAIL = "email"
    WEBHOOK = "webhook"

    @property
    def label(self) -> str:
        """As people write it."""
        return "E-mail" if self is Channel.EMAIL else "Webhook"


class Digest(Labelled):
    """How e-mails are bundled. Webhooks are for machines and always go at once."""

    AT_ONCE = "at_once"
    HOURLY = "hourly"
    DAILY = "daily"


class DeliveryState(Labelled):
    """How far one notification has come on one channel; ``failed`` is given up for good."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Choice:
    """Where notifications of one topic go for one person. ``page`` is the list in the portal."""

    page: bool
    email: bool
    webhook: bool

    @classmethod
    def default(cls, topic: Topic) -> Choice:
        """What holds until the person chooses: the list always, the other ways where somebody waits for an answer."""
        return cls(page=True, email=topic.asks or topic is Topic.TEST, webhook=topic.asks or topic is Topic.TEST)

    def channels(self) -> tuple[Channel, ...]:
        """The ways out of the portal."""
        return tuple(channel for channel in Channel if getattr(self, channel.value))


def due_at(digest: Digest, now: datetime, *, hour: int = DIGEST_HOUR) -> datetime:
    """When a notification written at ``now`` goes out: now, at the next full hour, or at the next ``hour`` o'clock."""
    now = now.astimezone(UTC)
    full = now.replace(minute=0, second=0, microsecond=0)
    if digest is Digest.HOURLY:
        return full + timedelta(hours=1)
    if digest is Digest.DAILY:
        today = full.replace(hour=hour)
        return today if today > now else today + timedelta(days=1)
    return now


MAX_ATTEMPTS: Final = 8
_FIRST_WAIT_S: Final = 15
_LONGEST_WAIT_S: Final = 3_600


def wait_after(attempts: int) -> int | None:
    """Seconds until the next attempt after so many that failed; None: it is given up. Together two and a half hours."""
    if attempts >= MAX_ATTEMPTS:
        return None
    return int(min(_FIRST_WAIT_S * 3 ** (attempts - 1), _LONGEST_WAIT_S))


def one_line(text: str, limit: int) -> str:
    """A text as a subject may be: one line, no control or invisible direction characters, at most ``limit`` characters.

    A line break in a subject would let whoever names a change add headers to an e-mail (RFC 5322, section 2.2).
    """
    clean = "".join(" " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char for char in text)
    clean = " ".join("".join(char for char in clean if unicodedata.category(char) not in {"Cf", "Cs"}).split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def local_path(path: str) -> str:
    """A path inside the portal, or nothing: a notification never leads to another site."""
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and " " not in path
    return path if good and len(path) <= PATH_LIMIT else ""

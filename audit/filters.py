"""Filters of the explorer, the API and the exports, read from text that came from outside."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Self

from audit.errors import BadFilterError, UnknownFilterError

TEXT_LIMIT = 200
IDS_LIMIT = 500

_NUMBER = re.compile(r"[0-9]{1,19}")
_BIGINT = 2**63
# A plus sign that nobody escaped arrives from a query string as a space.
_SPACE_FOR_PLUS = re.compile(r"(T.*) ([0-9]{2}:?[0-9]{2})$")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to show; all that is set must hold. Nothing set means all events.

    ``since`` is inclusive, ``until`` exclusive, both aware. ``text`` is looked for anywhere, ignoring case,
    in the object's label and id, the person's name, the action, the code and the reason. The others match
    exactly.
    """

    actor: str = ""
    origin: str = ""
    action: str = ""
    object_type: str = ""
    object_id: str = ""
    change_id: int | None = None
    device_id: int | None = None
    code: str = ""
    request_id: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[int, ...] = ()

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The filters that exist, in the order in which people should read them."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def parse(cls, given: Mapping[str, str], *, besides: Sequence[str] = ()) -> Self:
        """Read filters as they come in a query string or on a command line. Empty values filter nothing.

        Times are ISO 8601 and mean UTC where they name no zone; a bare day in ``until`` is included whole.
        ``ids`` are numbers with commas between them. A ``QueryDict`` may be given; a filter that it holds
        twice is refused, for the last one would silently win. ``besides`` names what the caller reads by
        himself: it is passed over here, and listed as allowed where a name is refused.

        Raises:
            UnknownFilterError: a name that is no filter.
            BadFilterError: a value that cannot be read, is too long or is given twice.
        """
        read: dict[str, object] = {}
        for name in given:
            if name in besides:
                continue
            if name not in _READERS:
                raise UnknownFilterError(name, [*cls.names(), *besides])
            value = only_value(name, given)
            if value:
                read[name] = _READERS[name](name, value)
        return cls(**read)  # type: ignore[arg-type]  # each reader returns its field's type

    def asked(self) -> dict[str, object]:
        """What is set, for people and for the event that an export records."""
        return {name: value for name in self.names() if (value := getattr(self, name)) not in ("", None, ())}


def only_value(name: str, given: Mapping[str, str]) -> str:
    """What stands under a name, without white space around it; ``""`` where nothing does.

    Raises:
        BadFilterError: a ``QueryDict`` holds the name more than once.
    """
    many: Callable[[str], list[str]] | None = getattr(given, "getlist", None)
    values = many(name) if many else [given.get(name, "")]
    if len(values) > 1:
        raise BadFilterError(name, f"{name} is given {len(values)} times. Give it once.")
    return values[0].strip() if values else ""


def whole_number(name: str, text: str) -> int:
    """A number from 1 up that a row's id can be.

    Raises:
        BadFilterError: it is none.
    """
    if not _NUMBER.fullmatch(text) or not 0 < int(text) < _BIGINT:
        raise BadFilterError(name, f"{name} needs a whole number from 1 up.")
    return int(text)


def _text(name: str, value: str) -> str:
    if len(value) > TEXT_LIMIT:
        raise BadFilterError(name, f"{name} is longer than {TEXT_LIMIT} characters. Shorten it.")
    if "\x00" in value or not _encodable(value):
        raise BadFilterError(name, f"{name} holds characters that no event can hold. Type it anew.")
    return value


def _encodable(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _numbers(name: str, value: str) -> tuple[int, ...]:
    parts = value.split(",", IDS_LIMIT)
    if len(parts) > IDS_LIMIT:
        raise BadFilterError(name, f"{name} takes at most {IDS_LIMIT} numbers.")
    return tuple(whole_number(name, part.strip()) for part in parts)


def _since(name: str, value: str) -> datetime:
    return _instant(name, value, days=0)


def _until(name: str, value: str) -> datetime:
    return _instant(name, value, days=1)


def _instant(name: str, value: str, *, days: int) -> datetime:
    """A moment in UTC; a bare day counts from its midnight, ``days`` further on."""
    try:
        if _DAY.fullmatch(value):
            return datetime.combine(date.fromisoformat(value) + timedelta(days=days), time(), UTC)
        moment = datetime.fromisoformat(_SPACE_FOR_PLUS.sub(r"\1+\2", value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadFilterError(
            name, f"{name} needs a day or a time such as 2026-03-01 or 2026-03-01T14:30:00Z."
        ) from None


_READERS: dict[str, Callable[[str, str], object]] = {
    "actor": _text, "origin": _text, "action": _text, "object_type": _text, "object_id": _text,
    "change_id": whole_number, "device_id": whole_number, "code": _text, "request_id": _text, "text": _text,
    "since": _since, "until": _until, "ids": _numbers,
}  # fmt: skip

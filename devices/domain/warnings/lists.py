"""Rules about access lists: entries that never decide, and what a list drops without saying so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from devices.domain.access_lists import canonical_entry
from devices.domain.severity import Severity
from devices.domain.warnings.entries import AccessList, Entry
from devices.domain.warnings.interfaces import ListKey
from devices.domain.warnings.named_lists import lists_named
from devices.domain.warnings.rule import IOS_LIKE, Hit, Path
from devices.domain.warnings.situation import Situation
from devices.domain.warnings.view import View

_MOST_PAIRS: Final = 20_000
"""Comparisons for one list. A longer list is looked at from its beginning up to there."""


def acl_order(situation: Situation) -> Iterator[Hit]:
    """A new entry that an earlier one of the other action covers, or that covers later ones."""
    for key, new in situation.after.lists.items():
        old = situation.before.lists.get(key)
        if old is not None and old.entries == new.entries:
            continue
        yield from _covered(situation, new, old.texts if old else frozenset())


def _covered(situation: Situation, new: AccessList, known: frozenset[str]) -> Iterator[Hit]:
    pairs = 0
    told: set[int] = set()
    fresh = [index for index, entry in enumerate(new.entries) if entry.rest not in known]
    for position, first in enumerate(new.entries):
        broad = first.packets
        if broad is None or broad.partial:
            continue
        # Two entries that stood before say nothing new.
        is_new = first.rest not in known
        hidden = []
        for index in range(position + 1, len(new.entries)) if is_new else fresh:
            if index <= position:
                continue
            later = new.entries[index]
            pairs += 1
            if pairs > _MOST_PAIRS:
                return
            if later.permits == first.permits or index in told or later.packets is None:
                continue
            if broad.holds(later.packets):
                hidden.append(later)
                told.add(index)
        yield from _hits(situation, new, first, hidden, known)


def _hits(
    situation: Situation, new: AccessList, first: Entry, hidden: list[Entry], known: frozenset[str]
) -> Iterator[Hit]:
    for later in (entry for entry in hidden if entry.rest not in known):
        sentence = (
            f"“{later.rest}” in the access list {new.name} never decides: “{first.rest}” stands before it and matches "
            "all of its packets."
        )
        yield Hit(sentence, _path(new, later), _entry_number(situation, new, later))
    old = [entry for entry in hidden if entry.rest in known]
    if old:
        more = f" and {len(old) - 1} more" if len(old) > 1 else ""
        sentence = (
            f"“{first.rest}” comes before “{old[0].rest}”{more} in the access list {new.name} and matches all of its "
            "packets: what stands behind it no longer decides."
        )
        yield Hit(sentence, _path(new, first), _entry_number(situation, new, first))


def _path(found: AccessList, entry: Entry) -> Path:
    return (*found.path, entry.text) if found.path else (f"access-list {found.name} {entry.text}",)


def _entry_number(situation: Situation, found: AccessList, entry: Entry) -> int | None:
    if not found.path:
        return situation.number_of((), f"access-list {found.name} {entry.rest}")
    standard = found.path[-1].startswith("ip access-list standard ")
    for command in reversed(situation.commands):
        if not command.negated and found.path in command.paths:
            typed = canonical_entry(command.text, standard=standard)
            if typed.endswith(entry.rest) or command.text.endswith(entry.rest):
                return command.number
    return situation.number_of(found.path) or situation.header_of(found.path)


_Use = tuple[str, Path]


def _uses(view: View) -> dict[_Use, ListKey]:
    """Where lists filter: at interfaces and before the terminal lines."""
    found: dict[_Use, ListKey] = {}
    for one in view.interfaces.values():
        for direction, key in one.lists.items():
            found[f"{direction.split()[0]}bound at {one.name}", one.path] = key
    for guard in view.guards:
        found[f"at {guard.what}", guard.path] = guard.key
    return found


def acl_implicit_deny(situation: Situation) -> Iterator[Hit]:
    """A list in use drops by its unwritten end what it let through before, or drops everything."""
    uses, told = _uses(situation.before), set[ListKey]()
    for (place, path), key in _uses(situation.after).items():
        new = situation.after.lists.get(key)
        before = uses.get((place, path))
        old = situation.before.lists.get(before) if before else None
        if (
            new is None
            or not new.entries
            or key in told
            or (before == key and old is not None and old.entries == new.entries)
        ):
            continue
        sentence = _unwritten(situation, new, old, is_used=before is not None)
        if sentence:
            told.add(key)
            number = _list_number(situation, new, path)
            yield Hit(f"The access list {key.name} is used {place}. {sentence}", new.path or path, number)


def _unwritten(situation: Situation, new: AccessList, old: AccessList | None, *, is_used: bool) -> str:
    if not any(entry.permits for entry in new.entries):
        if old is not None and old.entries and not any(entry.permits for entry in old.entries):
            return ""
        return "It permits nothing after the change, so that everything is dropped."
    if new.lets_rest_through or any(entry.is_catch_all for entry in new.entries):
        return ""
    if old is not None and old.lets_rest_through:
        last = next(entry for entry in old.entries if entry.permits and entry.is_catch_all)
        return f"Without “{last.rest}” it drops whatever no entry names."
    is_open = situation.platform.slug in IOS_LIKE and is_used and (old is None or not old.entries)
    return (
        "It was empty and let everything through; with its first entry it drops whatever no entry names."
        if is_open
        else ""
    )


def _list_number(situation: Situation, new: AccessList, path: Path) -> int | None:
    if new.path:
        inside = situation.number_of(new.path) or situation.header_of(new.path)
    else:
        inside = situation.number_of((), f"access-list {new.name}")
    return inside or situation.number_of(path, "ip access-group", "ipv4 access-group", "access-class", "ipv6")


def acl_missing(situation: Situation) -> Iterator[Hit]:
    """A list is used that does not exist or has no entry after the change, and one of the two is new."""
    uses = _uses(situation.before)
    yield from lists_named(situation)
    for (place, path), key in _uses(situation.after).items():
        left = situation.after.lists.get(key)
        if left is not None:
            had = situation.before.lists.get(key)
            if not left.entries and had is not None and had.entries:
                yield _emptied(situation, left, place, path)
            continue
        existed = key in situation.before.lists
        if not existed and uses.get((place, path)) == key:
            continue
        how = "The change removes it" if existed else "No such list exists"
        sentence = f"The access list {key.name} is used {place}. {how}: many releases then let everything through."
        number = situation.number_of((), *_headers(key)) if existed else None
        number = number or situation.number_of(path, "ip access-group", "ipv4 access-group", "access-class", "ipv6")
        yield Hit(sentence, path, number, None if existed else Severity.MAJOR)


def _emptied(situation: Situation, left: AccessList, place: str, path: Path) -> Hit:
    sentence = (
        f"The access list {left.name} is used {place}. The change takes its last entry: by release, an empty list lets "
        "everything through or nothing."
    )
    return Hit(sentence, left.path or path, _list_number(situation, left, path), Severity.MAJOR)


def _headers(key: ListKey) -> tuple[str, ...]:
    if key.family == "ipv6":
        return (f"ipv6 access-list {key.name}",)
    kinds = ("ip access-list", "ip access-list extended", "ip access-list standard", "ipv4 access-list", "access-list")
    return tuple(f"{kind} {key.name}" for kind in kinds)

"""Which credential opens which device for what: a declared list of rules, the first that matches decides.

Rules and scopes name credentials; they never hold a secret. A device that no rule covers gets none, and a credential
whose scope does not cover the device or the purpose is refused: there is no falling back to another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

OF_INVENTORY: Final = "@inventory"
"""In a rule, in place of a name: the credential that the inventory gives the device."""

PURPOSES: Final = ("read", "write")
_CONDITIONS: Final = ("devices", "sites", "roles", "platforms", "tags")


class CredentialRulesError(ValueError):
    """The rules cannot be used; the message says where and why, in one sentence."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What rules and scopes look at in a device. ``credential`` is the name that its inventory row has."""

    device: str
    site: str = ""
    role: str = ""
    platform: str = ""
    tags: tuple[str, ...] = ()
    credential: str = ""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Patterns with ``*`` and ``?``. Of each kind one must match; a kind without patterns covers everything."""

    devices: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def cover(self, subject: Subject) -> bool:
        """Whether all of them hold for the device."""
        return all(
            not wanted
            or any(fnmatchcase(value.casefold(), pattern.casefold()) for value in values for pattern in wanted)
            for wanted, values in (
                (self.devices, (subject.device,)),
                (self.sites, (subject.site,)),
                (self.roles, (subject.role,)),
                (self.platforms, (subject.platform,)),
                (self.tags, subject.tags),
            )
        )

    def __str__(self) -> str:
        """For people: ``sites FRA, MUC; roles core``."""
        kinds = ((kind, getattr(self, kind)) for kind in _CONDITIONS)
        return "; ".join(f"{kind} {', '.join(patterns)}" for kind, patterns in kinds if patterns)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where one credential may be used, and after how many days it is due for rotation (0: no policy)."""

    purposes: tuple[str, ...] = PURPOSES
    where: Conditions = Conditions()
    max_age_days: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """Devices and the names of their credentials; an empty name: none for this purpose."""

    where: Conditions
    read: str = ""
    write: str = ""


@dataclass(frozen=True, slots=True)
class CredentialRules:
    """The whole declaration. Without rules each device gets the credential of its inventory row."""

    rules: tuple[Rule, ...] = ()
    scopes: Mapping[str, Scope] | None = None
    max_age_days: int = 0
    declared: bool = False

    def scope(self, name: str) -> Scope:
        """A credential's declared scope; one that declares nothing covers everything."""
        return (self.scopes or {}).get(name) or Scope(max_age_days=self.max_age_days)

    def names(self) -> tuple[str, ...]:
        """Every name that the declaration knows, in order."""
        found = {*(self.scopes or {}), *(name for rule in self.rules for name in (rule.read, rule.write))}
        return tuple(sorted(found - {"", OF_INVENTORY}))

    def choose(self, subject: Subject, purpose: str) -> tuple[str, str]:
        """The credential's name for this device and purpose, or an empty one and a sentence that says why not."""
        name = self._named(subject, purpose)
        if name is None:
            return "", f"No credential rule covers {subject.device}."
        if not name:
            if not self.declared:
                return "", ""
            return "", f"The credential rule for {subject.device} names no credential for {purpose} sessions."
        scope = self.scope(name)
        if purpose not in scope.purposes:
            return "", f"The credential “{name}” is declared for {' and '.join(scope.purposes)} sessions only."
        if not scope.where.cover(subject):
            return "", f"The scope of the credential “{name}” does not cover {subject.device} ({scope.where})."
        return name, ""

    def _named(self, subject: Subject, purpose: str) -> str | None:
        if not self.declared:
            return subject.credential
        rule = next((rule for rule in self.rules if rule.where.cover(subject)), None)
        if rule is None:
            return None
        name = rule.read if purpose == "read" else rule.write
        return subject.credential if name == OF_INVENTORY else name


def parse_rules(document: object) -> CredentialRules:
    """Read ``{credentials: {name: {purposes, devices, sites, …, max_age_days}}, rules: [{…, read, write}]}``.

    Raises:
        CredentialRulesError: the first thing that is wrong.
    """
    top = _mapping(document, "The file", {"credentials", "rules", "max_age_days"})
    max_age_days = _days(top.get("max_age_days"), "max_age_days", default=0)
    named = _mapping(top.get("credentials") or {}, "credentials", None)
    scopes = {str(name): _scope(str(name), entry, max_age_days) for name, entry in named.items()}
    given = top.get("rules") or []
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise CredentialRulesError("“rules” must be a list.")
    rules = tuple(_rule(number, entry) for number, entry in enumerate(given, start=1))
    return CredentialRules(rules, scopes, max_age_days, declared="rules" in top)


def _scope(name: str, entry: object, max_age_days: int) -> Scope:
    where = f"the credential “{name}”"
    fields = _mapping(entry or {}, where, {*_CONDITIONS, "purposes", "max_age_days"})
    purposes = _texts(fields.get("purposes", list(PURPOSES)), f"purposes of {where}")
    if not purposes or not set(purposes) <= set(PURPOSES):
        raise CredentialRulesError(f"In {where}, “purposes” may list read and write.")
    days = _days(fields.get("max_age_days"), f"max_age_days of {where}", default=max_age_days)
    return Scope(purposes, _conditions(fields, where), days)


def _rule(number: int, entry: object) -> Rule:
    where = f"rule {number}"
    fields = _mapping(entry, where, {*_CONDITIONS, *PURPOSES})
    read, write = (fields.get(purpose, "") for purpose in PURPOSES)
    if not isinstance(read, str) or not isinstance(write, str) or not (read or write):
        raise CredentialRulesError(f"In {where}, “read” and “write” must be names of credentials; give one at least.")
    return Rule(_conditions(fields, where), read, write)


def _conditions(fields: Mapping[str, object], where: str) -> Conditions:
    return Conditions(**{kind: _texts(fields.get(kind, []), f"{kind} of {where}") for kind in _CONDITIONS})


def _mapping(value: object, where: str, known: set[str] | None) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise CredentialRulesError(f"In {where}, names and values are expected.")
    unknown = sorted(set(map(str, value)) - known) if known is not None else []
    if unknown:
        raise CredentialRulesError(
            f"In {where}, “{unknown[0]}” is not known. Known are: {', '.join(sorted(known or ()))}."
        )
    return value


def _texts(value: object, where: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(each, str) and each for each in values):
        raise CredentialRulesError(f"The {where} must be a list of texts; put numbers in quotes.")
    return tuple(values)


def _days(value: object, where: str, *, default: int) -> int:
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 3650:
        raise CredentialRulesError(f"The {where} must be a whole number of days from 0 to 3650.")
    return value

"""Junos statements: complete paths, one a line, in the order in which they were first set.

Only what a statement's last words mean is known: a table of single-valued leaves, and the top of the hierarchy. What
is below a known top is taken as it stands; the real Junos knows every word of it.
"""

import re
import shlex
from collections.abc import Iterable
from typing import Final

Path = tuple[str, ...]

TOPS: Final = (
    "version",
    "groups",
    "apply-groups",
    "system",
    "chassis",
    "interfaces",
    "snmp",
    "routing-options",
    "protocols",
    "policy-options",
    "firewall",
    "routing-instances",
    "security",
    "vlans",
    "class-of-service",
    "event-options",
)
_SINGLE: Final = frozenset(
    (
        *("host-name", "domain-name", "description", "mtu", "vlan-id", "location", "contact", "peer-as", "local-as"),
        *("autonomous-system", "router-id", "metric", "preference", "encrypted-password", "class", "uid", "message"),
        *("time-zone", "local-address", "hold-time", "type", "next-hop"),
    )
)
_ADDRESS: Final = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}/\d{1,2}|[0-9a-fA-F:]+/\d{1,3}")


class StatementError(Exception):
    """A statement that Junos refuses; `message` is what it prints, `column` where it points to, if it does."""

    def __init__(self, message: str, column: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.column = column


def words(line: str) -> Path:
    """The words of a line; quoted ones keep their quotes, as Junos prints them."""
    lexer = shlex.shlex(line, posix=False, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return tuple(lexer)
    except ValueError as error:
        raise StatementError("syntax error.") from error


class Statements:
    """A configuration: statements, and which of them are deactivated."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self.paths: list[Path] = []
        self.inactive: list[Path] = []
        for line in lines:
            if line.strip() and not line.startswith("#"):
                self.edit(line)

    def copy(self) -> "Statements":
        """The same configuration once more."""
        twin = Statements()
        twin.paths, twin.inactive = list(self.paths), list(self.inactive)
        return twin

    def lines(self) -> list[str]:
        """As `display set` prints it: by the hierarchy's top, otherwise in the order of entry."""
        ordered = sorted(self.paths, key=lambda path: TOPS.index(path[0]))
        return [f"set {' '.join(path)}" for path in ordered] + [
            f"deactivate {' '.join(path)}" for path in self.inactive
        ]

    def edit(self, line: str) -> str:
        """Take one editing line; gives a remark.

        Raises:
            StatementError: it is refused; nothing changes.
        """
        verb, *path = words(line)
        place = tuple(path)
        if verb == "set":
            self._set(place, line)
        elif verb == "delete":
            return self._delete(place)
        elif verb in ("deactivate", "activate"):
            return self._switch(place, active=verb == "activate")
        else:
            raise StatementError("unknown command.", 0)
        return ""

    def _set(self, path: Path, line: str) -> None:
        if not path:
            raise StatementError("missing argument.", len(line))
        if path[0] not in TOPS:
            raise StatementError("syntax error.", line.index(path[0]))
        if path[-1] in _SINGLE:
            raise StatementError("missing argument.", len(line))
        if len(path) > 1 and path[-2] == "address" and "inet" in "".join(path) and not _ADDRESS.fullmatch(path[-1]):
            raise StatementError(f"invalid ip address or hostname: {path[-1]}", line.index(path[-1]))
        if path in self.paths:
            return
        stem = path[:-1]
        at = next(
            (n for n, old in enumerate(self.paths) if len(path) > 1 and path[-2] in _SINGLE and old[:-1] == stem), None
        )
        if at is not None:
            self.paths[at] = path
            return
        if any(old[: len(path)] == path for old in self.paths):
            return
        self.paths = [old for old in self.paths if old != path[: len(old)]]
        self.paths.append(path)

    def _delete(self, path: Path) -> str:
        kept = [old for old in self.paths if old[: len(path)] != path]
        if len(kept) == len(self.paths):
            return "warning: statement not found\n"
        self.paths = kept
        self.inactive = [old for old in self.inactive if old[: len(path)] != path]
        return ""

    def _switch(self, path: Path, *, active: bool) -> str:
        if not any(old[: len(path)] == path for old in self.paths):
            return "warning: statement not found\n"
        self.inactive = [old for old in self.inactive if old != path]
        if not active:
            self.inactive.append(path)
        return ""

    def value(self, *stem: str) -> str:
        """The word behind a path; "" if there is none."""
        return next((path[-1] for path in self.paths if path[:-1] == stem), "")

    def problems(self) -> str:
        """What a commit finds wrong; "" for nothing."""
        defined = {path[2] for path in self.paths if path[:2] == ("policy-options", "policy-statement") and path[2:]}
        for path in self.paths:
            if (
                path[0] == "protocols"
                and len(path) > 2
                and path[-2] in ("import", "export")
                and path[-1] not in defined
            ):
                return (
                    f"[edit {' '.join(path[:-1])}]\n  '{' '.join(path[-2:])}'\n"
                    f"    Policy error: Policy {path[-1]} referenced but not defined\n"
                    "error: configuration check-out failed\n"
                )
        return ""


def compare(before: Statements, after: Statements) -> str:
    """`show | compare`: what goes and comes, below the place that holds it."""
    places: dict[Path, list[str]] = {}
    for mark, one, other in (("-", before, after), ("+", after, before)):
        for path in one.paths:
            if path not in other.paths:
                leaf = -2 if len(path) > 2 else -1
                places.setdefault(path[:leaf], []).append(f"{mark}  {' '.join(path[leaf:])};")
        for path in one.inactive:
            if path not in other.inactive:
                word = "inactive: " if mark == "+" else ""
                places.setdefault(path[:-1], []).append(f"!  {word}{path[-1]} {{ ... }}")
    return "".join(
        f"[edit{''.join(f' {word}' for word in place)}]\n{chr(10).join(rows)}\n" for place, rows in places.items()
    )

"""The command language as a small state machine per mode.

A table holds one form per line, for example ``ntp server <host> :: [prefer] [key <int:1-65535>]``. ``{a|b}`` is a
choice, ``[x]`` is optional, ``<x>`` a parameter of `params`, ``=word`` a keyword that cannot be abbreviated, and ``::``
ends the key: two lines with the same key are one setting, the later replaces the earlier. After ``;;`` stand flags.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from devices.lab.ios.access_lists import read_extended, read_standard
from devices.lab.ios.errors import AmbiguousError, IncompleteError, InvalidInputError
from devices.lab.ios.params import Param, canonical_interface, is_interface_type, param

_LEXEME = re.compile(r"::|<[^>]+>|[{}\[\]|]|[^\s{}\[\]|]+")
_TOKEN = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Rule:
    """One form of the language and what the device does with it; `order` is its place in the running configuration."""

    form: str
    order: int
    index: int
    flags: frozenset[str] = frozenset()
    enter: str = ""
    default: str = ""
    hook: str = ""
    alias: str = ""
    sort: int = 0
    group: int = 0
    wipe: bool = False


@dataclass(eq=False, slots=True)
class _State:
    rule: Rule
    edges: list[tuple[str | Param, "_State"]] = field(default_factory=list)
    skips: list["_State"] = field(default_factory=list)
    marks_key: bool = False
    accepts: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A line that the grammar took: its rule, its canonical tokens, and how many of them are the key."""

    rule: Rule
    tokens: tuple[str, ...]
    key_length: int

    @property
    def key(self) -> tuple[str, ...]:
        """The tokens that identify the setting."""
        return self.tokens[: self.key_length]

    @property
    def value(self) -> tuple[str, ...]:
        """The tokens after the key."""
        return self.tokens[self.key_length :]


_Threads = dict[_State, int | None]


class Grammar:
    """All forms of one mode."""

    def __init__(self, name: str, table: str) -> None:
        self.name = name
        self.rules = list(_rules(table))
        self._starts = [_compile(rule) for rule in self.rules]
        self._match = lru_cache(maxsize=32768)(self._walk)

    def match(self, line: str, *, negated: bool = False) -> tuple[Match, ...]:
        """The forms that the line means: one, or for a negated line every setting that it names.

        Raises:
            InvalidInputError, IncompleteError, AmbiguousError: as the device would say it.
        """
        found = self._match(line, negated)
        if isinstance(found, tuple):
            return found
        raise found

    def _walk(
        self, line: str, negated: bool
    ) -> tuple[Match, ...] | InvalidInputError | IncompleteError | AmbiguousError:
        try:
            return self._run(line, negated)
        except (InvalidInputError, IncompleteError, AmbiguousError) as error:
            return error.with_traceback(None)

    def _run(self, line: str, negated: bool) -> tuple[Match, ...]:
        tokens = [(found.start(), found[0]) for found in _TOKEN.finditer(line)]
        canonical: list[str] = []
        threads = _closure(dict.fromkeys(self._starts), 0)
        index = 0
        while index < len(tokens):
            used, text, threads = _step(threads, tokens, index, line)
            canonical.append(text)
            threads = _closure(threads, len(canonical))
            index += used
        return _finish(threads, tuple(canonical), negated)


def _step(threads: _Threads, tokens: list[tuple[int, str]], index: int, line: str) -> tuple[int, str, _Threads]:
    """Take one token. Preference: whole keyword, typed parameter, abbreviated keyword, free word."""
    start, token = tokens[index]
    edges = [(label, state, key) for thread, key in threads.items() for label, state in thread.edges]
    words = {label for label, _, _ in edges if isinstance(label, str)}
    lowered = token.lower()
    exact = [word for word in words if word.lstrip("=").lower() == lowered]
    if exact:
        return 1, exact[0].lstrip("="), _follow(edges, set(exact))
    kinds = {label for label, _, _ in edges if isinstance(label, Param)}
    typed = _read_typed(kinds, tokens, index)
    if typed is not None:
        used, text, same = typed
        return used, text, _follow(edges, same)
    starting = [word for word in words if word.lower().startswith(lowered)]
    if len(starting) > 1:
        raise AmbiguousError
    if starting:
        return 1, starting[0], _follow(edges, set(starting))
    free = {kind for kind in kinds if not kind.typed and not kind.rest and kind.read(token) is not None}
    if free:
        return 1, token, _follow(edges, free)
    for kind in kinds:
        if kind.rest:
            return len(tokens) - index, _read_rest(kind, line, start), _follow(edges, {kind})
    raise InvalidInputError(start)


def _follow(edges: list[tuple[str | Param, _State, int | None]], labels: set[str] | set[Param]) -> _Threads:
    return {state: key for label, state, key in edges if label in labels}


def _read_typed(kinds: set[Param], tokens: list[tuple[int, str]], index: int) -> tuple[int, str, set[Param]] | None:
    """How many tokens a typed parameter takes, its canonical text, and all kinds that read it so."""
    token = tokens[index][1]
    texts = {kind: text for kind in kinds if kind.typed and (text := kind.read(token)) is not None}
    if texts:
        text = texts[min(texts, key=lambda kind: kind.name)]
        return 1, text, {kind for kind, each in texts.items() if each == text}
    interfaces = {kind for kind in kinds if kind.name == "if"}
    if interfaces and is_interface_type(token) and index + 1 < len(tokens):
        joined = canonical_interface(token + tokens[index + 1][1])
        if joined is not None:
            return 2, joined, interfaces
    return None


def _read_rest(kind: Param, line: str, start: int) -> str:
    if kind.name == "ace":
        return read_extended(line, start)
    if kind.name == "std-ace":
        return read_standard(line, start)
    return line[start:].rstrip()


def _finish(threads: _Threads, tokens: tuple[str, ...], negated: bool) -> tuple[Match, ...]:
    accepted = [
        Match(state.rule, tokens, len(tokens) if key is None else key)
        for state, key in threads.items()
        if state.accepts and (negated or not state.rule.wipe)
    ]
    accepted.sort(key=lambda match: not match.rule.wipe)
    if accepted:
        return (accepted[0],)
    if negated:
        named = {
            state.rule: Match(state.rule, tokens, key)
            for state, key in threads.items()
            if key is not None and not state.rule.wipe
        }
        if named:
            return tuple(named.values())
    raise IncompleteError


def _closure(threads: _Threads, count: int) -> _Threads:
    """Follow the edges that consume nothing; crossing the mark fixes the key's length in tokens."""
    reached: _Threads = {}
    pending = list(threads.items())
    while pending:
        state, key = pending.pop()
        if state.marks_key and key is None:
            key = count
        if state not in reached:
            reached[state] = key
            pending.extend((skip, key) for skip in state.skips)
    return dict(reversed(reached.items()))


def _rules(table: str) -> Iterator[Rule]:
    order = 0
    for index, raw in enumerate(table.splitlines()):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        form, _, flag_text = line.partition(";;")
        options = dict(_options(flag_text))
        order += "same" not in options
        yield Rule(
            form=form.removeprefix("wipe ").strip(),
            order=order,
            index=index,
            flags=frozenset(name for name, value in options.items() if not value),
            alias=options.get("alias", ""),
            enter=options.get("enter", ""),
            default=options.get("default", ""),
            hook=options.get("hook", ""),
            sort=int(options.get("sort", "0") or 99),
            group=int(options.get("group", "0")),
            wipe=form.startswith("wipe "),
        )


def _options(flag_text: str) -> Iterator[tuple[str, str]]:
    for part in flag_text.split(","):
        name, _, value = part.strip().partition("=")
        if name:
            yield name, value


def _compile(rule: Rule) -> _State:
    lexemes = _LEXEME.findall(rule.form)
    last = _State(rule, accepts=True)
    if "::" not in lexemes:
        last.marks_key = True
    start, used = _sequence(rule, lexemes, 0, last)
    if used != len(lexemes):
        raise ValueError(f"unbalanced grammar form: {rule.form}")
    return start


def _sequence(rule: Rule, lexemes: list[str], index: int, after: _State) -> tuple[_State, int]:
    """Build the states for lexemes up to a closing bracket or bar; gives the first state and where it stopped."""
    items: list[tuple[int, int]] = []
    while index < len(lexemes) and lexemes[index] not in ("}", "]", "|"):
        end = _item_end(lexemes, index)
        items.append((index, end))
        index = end
    state = after
    for begin, _ in reversed(items):
        state = _item(rule, lexemes, begin, state)
    return state, index


def _item_end(lexemes: list[str], index: int) -> int:
    depth = 0
    for at in range(index, len(lexemes)):
        depth += (lexemes[at] in ("{", "[")) - (lexemes[at] in ("}", "]"))
        if depth == 0:
            return at + 1
    raise ValueError(f"unbalanced grammar form: {' '.join(lexemes)}")


def _item(rule: Rule, lexemes: list[str], index: int, after: _State) -> _State:
    lexeme = lexemes[index]
    state = _State(rule)
    if lexeme == "::":
        state.marks_key = True
        state.skips.append(after)
    elif lexeme in ("{", "["):
        if lexeme == "[":
            state.skips.append(after)
        index += 1
        while True:
            branch, index = _sequence(rule, lexemes, index, after)
            state.skips.append(branch)
            if lexemes[index] != "|":
                break
            index += 1
    elif lexeme.startswith("<"):
        state.edges.append((param(lexeme[1:-1]), after))
    else:
        state.edges.append((lexeme, after))
    return state

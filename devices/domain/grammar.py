"""What a platform's configuration lines mean: which replace each other, which stand side by side, which open a mode.

A grammar is written as text, one rule a line, in the order in which the platform prints its configuration::

    [interface]
    description ...                         remove="no description"
    ip address * * secondary                many early
    ip address ...                          exact

Words of a phrase: a literal; ``<name>``, one word that belongs to the key; ``*``, any one word; ``IF``, an interface
name, and ``<IF>`` one that belongs to the key; ``<via>``, an IPv4 address of the key; ``...``, one or more words;
``[...]``, none or more. Two lines with the same key exclude each other. ``> mode`` names the mode that a line opens.
Flags stand after two or more spaces and are explained at `Rule`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import Any

from devices.domain.interface_names import VERBATIM_NAMES, InterfaceNames, natural_key

_REST = "..."
_OPTIONAL_REST = "[...]"
_ANY = "*"
_INTERFACE = "IF"
_ADDRESS = "<via>"
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")


@dataclass(frozen=True)
class Rule:
    """One kind of line, and its flags.

    Keys and order: ``many``: lines of this kind stand side by side, each is its own key. ``appended``: the device puts
    a new line last, and the order has a meaning; without it, it has none. ``grouped``: printed by first key word, then
    by kind. ``listed``: several values on one line are as good as one line each. ``ranges``: the line is a set of
    VLANs with ``add`` and ``remove``; ``ranges=add``: every such command adds. ``text``: ends in free text, whose
    spaces count.

    What is printed: ``off``: the unset state, as ``no`` and the phrase's literals. ``hidden``: the bare phrase is the
    default and is not printed. ``hide``: the value that is the default and not printed. ``unset``: the line that stands
    there after ``no``. ``bare``: an empty block means nothing and is dropped.

    Taking away: ``short``: ``no`` and the words before the values are enough. ``remove``: the command, when neither
    that nor ``no`` and the whole line is right; ``{0}`` is the first key word.
    ``exact``: ``no`` with another value is refused. ``cascade``: every line of the block and below that begins so goes
    too. ``clears``, ``off_clears``: setting or unsetting it takes lines that begin so away. ``fixed``: a block that
    cannot be removed. ``refuses``: a new value is not taken while another one stands.

    Order of commands: ``definition``: a block that others refer to is restored before and removed after them.
    ``alone``: only one block of this kind can exist. ``early``: depends on a single value of its block, so it is taken
    away before it and set after it.
    """

    phrase: str
    tokens: tuple[str, ...]
    rank: int
    many: bool = False
    appended: bool = False
    grouped: bool = False
    listed: bool = False
    off: bool = False
    hidden: bool = False
    hide: str = ""
    unset: str = ""
    remove: str = ""
    short: bool = False
    exact: bool = False
    cascade: str = ""
    clears: tuple[str, ...] = ()
    off_clears: tuple[str, ...] = ()
    opens: str = ""
    fixed: bool = False
    definition: bool = False
    ranges: str = ""
    alone: bool = False
    refuses: bool = False
    early: bool = False
    text: bool = False
    bare: bool = False

    @cached_property
    def literals(self) -> int:
        """How many words of the phrase are fixed; the more, the more specific the rule."""
        return sum(1 for token in self.tokens if not _is_value(token))

    @cached_property
    def head_length(self) -> int:
        """How many words stand before the values: up to the first value, or to a key word at the end."""
        for position, token in enumerate(self.tokens):
            if _is_value(token) and not token.startswith("<"):
                return position
        return len(self.tokens) - self.tokens[-1].startswith("<")

    def negated(self, captures: Sequence[str]) -> str:
        """The ``no`` line of the unset state: the phrase's words up to the first value."""
        words, filled = ["no"], iter(captures)
        for token in self.tokens:
            if token.startswith("<"):
                words.append(next(filled, token))
            elif _is_value(token):
                break
            else:
                words.append(token)
        return " ".join(words)

    @property
    def needs_value(self) -> bool:
        """Whether the phrase's literals alone are not a complete command."""
        return any(token in (_ANY, _REST, _INTERFACE) for token in self.tokens)


@dataclass(frozen=True, slots=True)
class Match:
    """A line's rule, its key and its words with keywords and interface names written out.

    ``text`` is the whole line so; free text at its end keeps its spaces.
    """

    rule: Rule
    captures: tuple[str, ...]
    words: tuple[str, ...]
    text: str

    @property
    def head(self) -> tuple[str, ...]:
        """The words before the values."""
        return self.words[: self.rule.head_length]

    @property
    def key(self) -> tuple[str, ...]:
        """What two lines share when only one of them can stand: the phrase and the key words."""
        if self.rule.many:
            return (self.rule.phrase, self.text)
        return (self.rule.phrase, *self.captures)


Place = tuple[int, int, str, int, str]
"""Sort key of lines: rank of the kind, then for grouped lines the group, then the text with numbers by value.

Lines whose order means something have equal keys, so that a stable sort leaves them as they are. It depends on the
line alone: two configurations with the same lines are the same text, whatever the device's release prints first.
"""


# The lines of some devices: each is read before and after its change. Full, the two take 9 MB and 5 MB.
@lru_cache(maxsize=16_384)
def _place(mode: "Mode", line: str) -> Place:
    found = mode.match_any(line)[1]
    if found is None:
        return mode.unknown_rank(line), 1, natural_key(line), 0, ""
    rule = found.rule
    if rule.grouped:
        owner = found.captures[0]
        return mode.first_grouped, int(owner[:1].isdigit()), natural_key(owner), rule.rank, natural_key(line)
    if rule.appended:
        # The name of the list, where the line does not only hold one of its members.
        return rule.rank, 0, natural_key(" ".join(found.captures)) if rule.many else "", 0, ""
    if rule.tokens[0] == "interface":
        return rule.rank, 0, mode.names.sort_key(found.captures[0] if found.captures else line), 0, ""
    return rule.rank, 0, natural_key(line), 0, ""


@lru_cache(maxsize=8_192)
def _match(mode: "Mode", line: str, partial: bool) -> Match | None:
    words = line.split()
    best = _match(mode, line, False) if partial else None
    for rule in mode.candidates(words):
        if best is not None and best.rule.literals >= rule.literals:
            break
        found = _match_tokens(rule, words, mode.names, partial=partial)
        if found is not None:
            captures, taken, used = found
            head = taken[: len(taken) - len(words) + used]
            return Match(rule, captures, taken, _with_tail(head, line, used) if rule.text else " ".join(taken))
    return best


def _with_tail(words: Sequence[str], line: str, used: int) -> str:
    """Join the words and what follows the first ``used`` typed words, with the spaces that it has."""
    tail = line.split(None, used)[used:]
    return " ".join([*words, *(text.rstrip() for text in tail)])


def _is_value(token: str) -> bool:
    return token in (_REST, _OPTIONAL_REST, _ANY, _INTERFACE) or token.startswith("<")


def _match_tokens(
    rule: Rule, words: Sequence[str], names: InterfaceNames, *, partial: bool
) -> tuple[tuple[str, ...], tuple[str, ...], int] | None:
    """Match words against the phrase; with ``partial`` the values at the end may be missing.

    Return the key words, all words in their full form, and how many typed words stand before free text.
    """
    captures: list[str] = []
    taken: list[str] = []
    rest = list(words)
    for position, token in enumerate(rule.tokens):
        if token in (_REST, _OPTIONAL_REST):
            if token == _REST and not rest and not partial:
                return None
            return tuple(captures), (*taken, *rest), len(words) - len(rest)
        if not rest:
            missing = rule.tokens[position:]
            if partial and all(_is_value(item) and not item.startswith("<") for item in missing):
                return tuple(captures), tuple(taken), len(words)
            return None
        word, rest = _take(token, rest, names)
        if word is None:
            return None
        taken.append(word)
        if token.startswith("<"):
            captures.append(word)
    return None if rest else (tuple(captures), tuple(taken), len(words))


def _take(token: str, rest: list[str], names: InterfaceNames) -> tuple[str | None, list[str]]:
    """Take what one token stands for from the front of ``rest``; None when it does not fit."""
    if token in (_INTERFACE, "<IF>"):
        name, used = names.take(rest)
        return name, rest[used:]
    if token == _ADDRESS:
        return (rest[0], rest[1:]) if _IPV4.fullmatch(rest[0]) else (None, rest)
    if token == _ANY or token.startswith("<"):
        return rest[0], rest[1:]
    return (token, rest[1:]) if rest[0].lower() == token.lower() else (None, rest)


@dataclass(slots=True)
class _Branch:
    literals: dict[str, "_Branch"] = field(default_factory=dict)
    value: "_Branch | None" = None
    open_end: bool = False


def _trie(rules: Sequence[Rule]) -> _Branch:
    root = _Branch()
    for rule in rules:
        branch = root
        for token in rule.tokens:
            if token in (_REST, _OPTIONAL_REST):
                branch.open_end = True
                break
            if _is_value(token):
                branch.value = branch.value or _Branch()
                branch = branch.value
            else:
                branch = branch.literals.setdefault(token.lower(), _Branch())
    return root


@dataclass(frozen=True, slots=True, eq=False)
class Mode:
    """One configuration mode: its rules by first word. ``ordered``: places count. ``sequenced``: an access list."""

    name: str
    rules: tuple[Rule, ...]
    by_words: dict[tuple[str, str], tuple[Rule, ...]] = field(repr=False)
    trie: _Branch = field(repr=False)
    names: InterfaceNames = field(repr=False)
    first_grouped: int
    last_ranks: dict[str, int] = field(repr=False)
    listed: tuple[str, ...] = field(repr=False)
    ranged: tuple[str, ...] = field(repr=False)
    appended: tuple[str, ...] = field(repr=False)
    bare: tuple[str, ...] = field(repr=False)
    ordered: bool = False
    sequenced: bool = False

    def candidates(self, words: Sequence[str]) -> tuple[Rule, ...]:
        """The rules that can match, by the first two words; the most specific first."""
        first = words[0].lower() if words else ""
        second = words[1].lower() if len(words) > 1 else ""
        found = self.by_words.get((first, second))
        return self.by_words.get((first, ""), ()) if found is None else found

    def match(self, line: str, *, partial: bool = False) -> Match | None:
        """Find the most specific rule for a positive line; ``partial`` accepts it without its values (after ``no``)."""
        return _match(self, line, partial)

    def unknown_rank(self, line: str) -> int:
        """An unknown line stands behind the known ones that begin with its word, else before the terminal lines."""
        word = line.removeprefix("no ").partition(" ")[0].lower()
        return self.last_ranks.get(word, self.last_ranks.get("control-plane", len(self.rules)))

    def match_any(self, line: str) -> tuple[bool, Match | None]:
        """Match a line of a configuration, which may be a ``no`` line; the first item tells whether it is one."""
        if line.startswith("no "):
            return True, self.match(line[3:], partial=True)
        return False, self.match(line)

    def place(self, line: str) -> "Place":
        """Where a line stands among the others of its block, in the normal form; see `Place`."""
        return _place(self, line)

    def expand(self, line: str) -> str:
        """Write abbreviated keywords out, as far as this mode knows them and they are unambiguous."""
        words: list[str] = []
        branch = self.trie
        for word in line.split():
            lowered = word.lower()
            fits = [literal for literal in branch.literals if literal.startswith(lowered)]
            if lowered in branch.literals:
                words, branch = [*words, lowered], branch.literals[lowered]
            elif branch.value is not None:
                words, branch = [*words, word], branch.value
            elif len(fits) == 1 and not branch.open_end:
                words, branch = [*words, fits[0]], branch.literals[fits[0]]
            else:
                break
        return _with_tail(words, line, len(words))


@dataclass(frozen=True, slots=True)
class Grammar:
    """All modes of a platform, how it spells its interfaces, and what it prints otherwise than it may be typed.

    ``prints_no_address``: a layer 3 interface without an address says ``no ip address``. ``prints_no_shutdown``: a
    layer 3 interface that is up says so. ``hides_empty_blocks``: interfaces and address families without settings are
    not printed. ``passive_on_interface``: ``passive-interface`` of a router is printed at the interface.
    """

    modes: dict[str, Mode]
    names: InterfaceNames
    aliases: tuple[tuple[re.Pattern[str], str], ...] = ()
    alias_prefixes: tuple[str, ...] = ()
    prints_no_address: bool = False
    prints_no_shutdown: bool = False
    hides_empty_blocks: bool = False
    passive_on_interface: bool = False

    def spelled(self, text: str) -> str:
        """Replace other spellings of a line, which stands without ``no``."""
        for pattern, replacement in self.aliases:
            text = pattern.sub(replacement, text)
        return text

    @property
    def top(self) -> Mode:
        """The global configuration mode."""
        return self.modes["global"]

    def mode_below(self, mode: Mode, header: str) -> Mode:
        """The mode that a header opens; an unknown header opens a mode without rules."""
        found = mode.match(header)
        name = found.rule.opens if found is not None and found.rule.opens else "unknown"
        return self.modes[name]


_FLAG = re.compile(r"(\w+)(?:=(\"[^\"]*\"|\S+))?")
_LIST_FLAGS = {"clears", "off_clears"}


def _flags(text: str) -> dict[str, str]:
    return {found[1]: (found[2] or "").strip('"') for found in _FLAG.finditer(text)}


def _rule(line: str, rank: int) -> Rule:
    return Rule(rank=rank, **_fields(line))


@cache
def _fields(line: str) -> dict[str, Any]:
    """What a line says of its rule; modes take hundreds of lines over from each other."""
    phrase, _, flag_text = line.partition("  ")
    phrase, _, opens = phrase.partition(" > ")
    fields: dict[str, Any] = {"phrase": phrase, "tokens": tuple(phrase.split()), "opens": opens.strip()}
    for name, value in _flags(flag_text).items():
        if name in _LIST_FLAGS:
            fields[name] = tuple(value.split(","))
        else:
            fields[name] = value or ("set" if name == "ranges" else True)
    return fields


def _sections(text: str) -> Iterator[tuple[str, set[str], list[str]]]:
    name, flags, lines = "", set[str](), list[str]()
    for line in text.strip().splitlines():
        if line.startswith("["):
            if name:
                yield name, flags, lines
            head, _, tail = line.strip("[] ").partition(" ")
            name, flags, lines = head, set(tail.split()), []
        elif line.strip() and not line.startswith("#"):
            lines.append(line.rstrip())
    yield name, flags, lines


def grammar(
    *texts: str,
    names: InterfaceNames = VERBATIM_NAMES,
    aliases: Sequence[tuple[str, str, str]] = (),
    prints_no_address: bool = False,
    prints_no_shutdown: bool = False,
    hides_empty_blocks: bool = False,
    passive_on_interface: bool = False,
) -> Grammar:
    """Build a grammar from rule texts; a later text replaces rules of the same mode or adds to them.

    ``[mode extends=other]`` takes the rules of the other mode over, behind its own. ``aliases`` are other spellings:
    what such a line begins with, a regular expression for the line, and its replacement.

    Raises:
        ValueError, TypeError: a rule text is malformed; this is a mistake in this package, found at import.
    """
    lines_by_mode: dict[str, list[str]] = {"global": [], "unknown": []}
    flags_by_mode: dict[str, set[str]] = {}
    for name, flags, lines in (section for text in texts for section in _sections(text)):
        lines_by_mode[name] = _overlaid(lines_by_mode.get(name, []), lines)
        flags_by_mode.setdefault(name, set()).update(flags)
    for name, flags in flags_by_mode.items():
        for base in (flag.removeprefix("extends=") for flag in flags if flag.startswith("extends=")):
            lines_by_mode[name] = [*lines_by_mode[name], *lines_by_mode[base]]
    modes = {name: _mode(name, lines, flags_by_mode.get(name, set()), names) for name, lines in lines_by_mode.items()}
    compiled = tuple((re.compile(pattern), replacement) for _, pattern, replacement in aliases)
    starts = tuple(f"{word}{start}" for start, _, _ in aliases for word in ("", "no "))
    return Grammar(
        modes,
        names,
        compiled,
        starts,
        prints_no_address=prints_no_address,
        prints_no_shutdown=prints_no_shutdown,
        hides_empty_blocks=hides_empty_blocks,
        passive_on_interface=passive_on_interface,
    )


def _overlaid(lines: list[str], own: list[str]) -> list[str]:
    """A mode's lines with some replaced in place, by phrase, and new ones in front."""
    phrases = {_phrase(line): line for line in lines}
    replaced = {_phrase(line): line for line in own if _phrase(line) in phrases}
    added = [line for line in own if _phrase(line) not in phrases]
    return [*added, *(replaced.get(_phrase(line), line) for line in lines)]


def _phrase(line: str) -> str:
    return line.partition("  ")[0].partition(" > ")[0]


def _mode(name: str, lines: Sequence[str], flags: set[str], names: InterfaceNames) -> Mode:
    rules = tuple(_rule(line, rank) for rank, line in enumerate(lines))
    return Mode(
        name,
        rules,
        _by_words(rules),
        _trie(rules),
        names,
        next((rule.rank for rule in rules if rule.grouped), 0),
        {rule.tokens[0].lower(): rule.rank for rule in rules},
        tuple(_prefix(rule) for rule in rules if rule.listed),
        tuple(_prefix(rule) for rule in rules if rule.ranges),
        tuple(_prefix(rule) for rule in rules if rule.appended),
        tuple(rule.tokens[0] for rule in rules if rule.bare),
        ordered="ordered" in flags,
        sequenced="sequenced" in flags,
    )


def _by_words(rules: Sequence[Rule]) -> dict[tuple[str, str], tuple[Rule, ...]]:
    """Rules by their first two words, and under ``(word, "")`` for lines whose second word no rule names."""
    by_first: dict[str, list[tuple[str, Rule]]] = {}
    for rule in sorted(rules, key=lambda rule: (-rule.literals, rule.rank)):
        by_first.setdefault(rule.tokens[0].lower(), []).append((_second(rule), rule))
    return {
        (first, second): tuple(rule for its_second, rule in ranked if its_second in ("", second))
        for first, ranked in by_first.items()
        for second in {"", *(its_second for its_second, _ in ranked)}
    }


def _second(rule: Rule) -> str:
    return rule.tokens[1].lower() if len(rule.tokens) > 1 and not _is_value(rule.tokens[1]) else ""


def _prefix(rule: Rule) -> str:
    return " ".join([*rule.tokens[: next(i for i, token in enumerate(rule.tokens) if _is_value(token))], ""])

"""What a running configuration will look like after commands: an estimate, made from rules about the platform.

It follows how IOS reads lines: the mode they are typed in, abbreviations, values that replace each other, defaults
that are not printed, lists whose order counts. It cannot know what a device refuses, hashes or adds by itself; such
places are named in `Prediction.notes`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from devices.domain import draft as edit
from devices.domain import special_lines
from devices.domain.access_lists import is_numbered
from devices.domain.config_text import Line, parse, read_lines, render, tidy
from devices.domain.config_tree import Node
from devices.domain.draft import Draft
from devices.domain.grammar import Match, Mode
from devices.domain.platforms import Platform
from devices.domain.terminal_lines import group_terminals

_FREE_TEXT = re.compile(r"(?:description|remark|name|title|comment|.*[\"'])", re.IGNORECASE)
_DEFAULT = re.compile(r"def(?:a(?:u(?:lt?)?)?)?$")


@dataclass(frozen=True, slots=True)
class Prediction:
    """The estimated configuration in normal form, and sentences about where it may differ from the device."""

    text: str
    notes: tuple[str, ...]


class PredictionImpossibleError(LookupError):
    """No rules are known by which this platform's configuration could be predicted: ask the device's own candidate."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(
            f"{platform.label} cannot be predicted: its own candidate configuration tells what commands would do."
        )
        self.platform = platform.slug


def predict(running: str, commands: Sequence[str], platform: Platform, *, is_normal: bool = False) -> str:
    """Estimate the configuration in normal form after the commands were entered in configuration mode.

    ``is_normal``: ``running`` is in normal form already, which saves a third of the time.

    Raises:
        PredictionImpossibleError: no rules are known for this platform.
    """
    return predict_with_notes(running, commands, platform, is_normal=is_normal).text


def predict_with_notes(
    running: str, commands: Sequence[str], platform: Platform, *, is_normal: bool = False
) -> Prediction:
    """Like `predict`, together with what the estimate cannot know.

    Raises:
        PredictionImpossibleError: no rules are known for this platform.
    """
    if not platform.predictable:
        raise PredictionImpossibleError(platform)
    root = parse(running, platform)
    written, platform = platform, software_of(root, platform)
    if not is_normal or platform.grammar is not written.grammar:
        tidy(root, platform.grammar)
    draft = Draft(root, platform.grammar, prints_numbers(root, platform))
    editor = _Editor(draft)
    for line, opens_block in _with_look_ahead(commands, platform):
        editor.run(line, opens_block=opens_block)
    special_lines.settle(draft)
    group_terminals(tidy(root, platform.grammar))
    return Prediction(render(root, platform), tuple(dict.fromkeys(draft.notes)))


def stray_exits(commands: Sequence[str], platform: Platform) -> tuple[int, ...]:
    """Numbers, from 1, of the lines that would leave configuration mode: an ``exit`` outside of every sub-mode.

    Where no mode is known, only indentation tells what opens one.
    """
    editor = _Editor(Draft(Node(""), platform.grammar, numbered_lists=False))
    for line, opens_block in _with_look_ahead(commands, platform):
        editor.run(line, opens_block=opens_block)
    return tuple(editor.stray_exits)


@dataclass(frozen=True, slots=True)
class TypedCommand:
    """One command and where it goes: ``number`` counts the lines from 1.

    ``paths`` holds the headers of the blocks around it, outermost first; more than one path for ``interface range``.
    ``text`` is in the spelling of the configuration, without ``no`` or ``default``; ``found`` is its rule, if any.
    ``reset``: it was typed with ``default``, which negates as well.
    """

    number: int
    paths: tuple[tuple[str, ...], ...]
    text: str
    negated: bool
    reset: bool
    found: Match | None


def read_commands(commands: Sequence[str], platform: Platform) -> tuple[TypedCommand, ...]:
    """Read commands in the modes in which a device would take them; the running configuration is not asked.

    Lines that leave a mode and verbatim texts are left out. Where no mode is known, only indentation tells what opens
    one.
    """
    typed: list[TypedCommand] = []
    editor = _Editor(Draft(Node(""), platform.grammar, numbered_lists=False), typed)
    for line, opens_block in _with_look_ahead(commands, platform):
        editor.run(line, opens_block=opens_block)
    return tuple(typed)


def _with_look_ahead(commands: Sequence[str], platform: Platform) -> Iterator[tuple[Line, bool]]:
    """The lines, and whether the next one is indented further, so that this one opens a block."""
    lines = list(read_lines(commands, platform))
    for line, following in zip_longest(lines, lines[1:]):
        yield line, following is not None and following.indent > line.indent


def software_of(root: Node, platform: Platform) -> Platform:
    """The platform whose rules the device follows, by the version that its configuration begins with."""
    first = next((node.text for node in root.children[:20] if node.text.startswith("version ")), "")
    return platform.for_version(first)


def prints_numbers(root: Node, platform: Platform) -> bool:
    """Whether this device prints the numbers of access list entries: by its lists, or by its platform."""
    for node in root.children:
        if node.text.startswith("ip access-list ") and node.children:
            return bool(is_numbered(node.children))
    return platform.numbered_acl_entries


@dataclass(slots=True)
class _Frame:
    mode: Mode
    nodes: list[Node]
    indent: int
    indented: bool = False


@dataclass(frozen=True, slots=True)
class _Command:
    """One command: without ``no`` or ``default``, in the spelling of the configuration."""

    text: str
    negated: bool
    reset: bool
    line: Line
    opens_block: bool


class _Editor:
    """The command interpreter: a stack of modes, each with the blocks that its lines go to."""

    def __init__(self, draft: Draft, typed: list[TypedCommand] | None = None) -> None:
        self._draft = draft
        self._typed = typed
        self._frames = [_Frame(draft.grammar.top, [draft.root], -1)]
        self.stray_exits: list[int] = []

    def run(self, line: Line, *, opens_block: bool) -> None:
        """Execute one line."""
        words = line.text.split(maxsplit=1)
        first = words[0].lower()
        if first in ("ex", "exi", "exit", "quit") or first.startswith("exit-"):
            self._leave(line)
        elif first == "end":
            del self._frames[1:]
        elif first == "do":
            self._draft.notes.append(f"“{line.text}” is not a configuration line; its effect is not predicted.")
        elif line.body is not None:
            self._verbatim(line)
        else:
            self._command(line, opens_block)

    def _leave(self, line: Line) -> None:
        if len(self._frames) == 1:
            self.stray_exits.append(line.number)
        del self._frames[max(len(self._frames) - 1, 1) :]

    def _verbatim(self, line: Line) -> None:
        if line.text.startswith("certificate"):
            for block in self._frames[-1].nodes:
                edit.drop(block, [child for child in block.children if child.text == line.text])
                block.children.append(Node(line.text, body=line.body))
            return
        del self._frames[1:]
        root = self._draft.root
        old = [child for child in root.children if child.text == line.text]
        if old:
            old[0].body = line.body
        else:
            edit.add(root, line.text, line.body)

    def _command(self, line: Line, opens_block: bool) -> None:
        text, negated, reset = _without_no(line.text)
        text = self._draft.grammar.spelled(text)
        if not text:
            return
        depth, found = self._level(text, negated, line)
        if found is None and (not _FREE_TEXT.match(text) or len(text.splitlines()) > 1):
            text = " ".join(text.split())
        command = _Command(found.text if found else text, negated, reset, line, opens_block)
        frame = self._frames[depth]
        frame.indented = frame.indented or line.indent > frame.indent
        del self._frames[depth + 1 :]
        if self._typed is not None:
            self._typed.append(TypedCommand(line.number, self._paths(), command.text, negated, reset, found))
        entered = self._execute(frame, command, found)
        if entered:
            mode = self._draft.grammar.mode_below(frame.mode, entered[0].text)
            self._frames.append(_Frame(mode, entered, line.indent))

    def _paths(self) -> tuple[tuple[str, ...], ...]:
        """The headers of the open blocks, for each block that the next line goes to."""
        if len(self._frames) == 1:
            return ((),)
        around = tuple(frame.nodes[0].text for frame in self._frames[1:-1])
        return tuple((*around, node.text) for node in self._frames[-1].nodes)

    def _level(self, text: str, negated: bool, line: Line) -> tuple[int, Match | None]:
        """Find the mode that takes a line: the most specific rule, the innermost mode among equals."""
        best: tuple[int, int, Match] | None = None
        for expand in (False, True):
            for depth in range(len(self._frames) - 1, -1, -1):
                found = self._match(self._frames[depth].mode, text, negated, expand)
                if found is not None and (best is None or found.rule.literals > best[0]):
                    best = (found.rule.literals, depth, found)
            if best is not None:
                break
        last = len(self._frames) - 1
        if best is not None and not (best[1] < last and self._is_inside_free_block(line)):
            return best[1], best[2]
        while last and self._frames[last].indented and line.indent <= self._frames[last].indent:
            last -= 1
        return last, None

    def _is_inside_free_block(self, line: Line) -> bool:
        """Whether the author indented the line below a header of which we know nothing."""
        frame = self._frames[-1]
        return not frame.mode.rules and line.indent > frame.indent

    @staticmethod
    def _match(mode: Mode, text: str, negated: bool, expand: bool) -> Match | None:
        if mode.sequenced:
            return special_lines.match_entry(mode, text, expand=expand)
        return mode.match(mode.expand(text) if expand else text, partial=negated)

    def _execute(self, frame: _Frame, command: _Command, found: Match | None) -> list[Node]:
        """Change every block of the frame; return the blocks that the line enters."""
        entered: list[Node] = []
        for block in frame.nodes:
            with special_lines.address_watch(self._draft, block):
                entered.extend(self._change(block, frame.mode, command, found))
        return [] if command.negated else entered

    def _change(self, block: Node, mode: Mode, command: _Command, found: Match | None) -> list[Node]:
        if found is None:
            return self._change_unknown(block, command)
        handled = special_lines.handle(self._draft, block, mode, found, _verb(command))
        if handled is not None:
            return handled
        if command.reset:
            special_lines.reset(self._draft, block, mode, found)
        elif command.negated:
            edit.unset(block, mode, found, command.text)
        else:
            node = edit.put(block, mode, found)
            return [node] if node is not None and found.rule.opens else []
        return []

    @staticmethod
    def _change_unknown(block: Node, command: _Command) -> list[Node]:
        if command.negated:
            edit.unset_unknown(block, command.text)
            return []
        node = edit.set_unknown(block, command.text)
        return [node] if node.children or command.opens_block else []


def _verb(command: _Command) -> special_lines.Verb:
    if command.reset:
        return special_lines.Verb.RESET
    return special_lines.Verb.UNSET if command.negated else special_lines.Verb.SET


def _without_no(text: str) -> tuple[str, bool, bool]:
    first, _, rest = text.partition(" ")
    if first.lower() == "no":
        return rest.strip(), True, False
    if _DEFAULT.match(first.lower()) and rest:
        return rest.strip(), True, True
    return text, False, False

"""The normal form of a configuration of which most is known: only the blocks that are new are read.

A device's configuration is read several times around a change, and is nearly the same each time. A block, which is a
line at the margin and the lines below it, that stands in a normal form of the device is its own normal form, so it is
taken as it is. Where blocks do not stand for themselves the text is read as a whole.
"""

import re
from bisect import insort
from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Final, NamedTuple

from devices.domain.config_text import BANNER, banner_body, is_noise, normalise, parse, read_lines, render, tidy
from devices.domain.config_tree import Node
from devices.domain.grammar import Mode
from devices.domain.platforms import BannerStyle, Platform

_first = itemgetter(0)
_AT_MARGIN: Final = re.compile(r"\n(?![ \t\n])")
_FREE_TEXT_WORDS: Final = ("banner", "fail-message", "menu ")
_BELOW: Final = re.compile(r"^[ \t]+(?:banner |aaa authentication (?:banner|fail-message)|menu )", re.MULTILINE)
_FREE_TEXT: Final = re.compile(r"^(?:banner |aaa authentication (?:banner|fail-message)|menu )", re.MULTILINE)
_LOOSE: Final = re.compile(r"^(?:quit|[0-9A-Fa-f]{2,8}(?: [0-9A-Fa-f]{2,8})*)\s*$", re.MULTILINE)


class _Block(NamedTuple):
    """A line at the margin, which says where the block stands, and the whole text without its last line end."""

    head: str
    text: str


class _NotIndependentError(Exception):
    """Blocks of this text mean something together."""


def normalise_known(text: str, platform: Platform, known: str) -> str:
    """What ``normalise(text, platform)`` gives, in a fraction of its time where much of ``text`` stands in ``known``.

    ``known`` is a normal form of the same device, made by this or an earlier version of the rules: what stands in it
    stays as it is.
    """
    try:
        places = {block.text: number for number, block in enumerate(_blocks(known, platform))}
        familiar: list[tuple[int, int, _Block]] = []
        new: list[tuple[int, _Block]] = []
        for number, block in enumerate(_blocks(text, platform)):
            place = places.get(block.text)
            if place is None:
                new += ((number, piece) for piece in _read(block.text, platform))
            else:
                familiar.append((place, number, block))
        blocks = [*(block for _, _, block in familiar), *(block for _, block in new)]
        _refuse_joined(blocks)
    except _NotIndependentError:
        return normalise(text, platform)
    mode = platform.grammar.top
    if mode.rules and not mode.ordered:
        blocks = _sorted(familiar, new, mode)
    else:
        blocks = [block for _, block in sorted([*((number, block) for _, number, block in familiar), *new], key=_first)]
    return "\n".join([*(block.text for block in blocks), ""]) if blocks else ""


def _sorted(familiar: list[tuple[int, int, _Block]], new: list[tuple[int, _Block]], mode: Mode) -> list[_Block]:
    """By place, and where that is equal as they stand in the text.

    Familiar blocks are in this order already, but where the text puts one before another that was behind it: only
    there has the place to be looked at, which costs more than all else.
    """
    familiar.sort()
    for (_, number, block), (_, following, other) in pairwise(familiar):
        if number > following and mode.place(block.head) == mode.place(other.head):
            every = [*((number, block) for _, number, block in familiar), *new]
            return [block for _, block in sorted(every, key=lambda each: (mode.place(each[1].head), each[0]))]
    result = [(number, block) for _, number, block in familiar]
    for each in new:
        insort(result, each, key=lambda item: (mode.place(item[1].head), item[0]))
    return [block for _, block in result]


def _blocks(text: str, platform: Platform) -> Iterator[_Block]:
    """The blocks in their order, without comments.

    Raises:
        _NotIndependentError: where a block ends cannot be told from the margin alone.
    """
    if platform.verbatim.pattern != "(?!)" or "\r" in text or ("certificate" in text and _LOOSE.search(text)):
        raise _NotIndependentError
    position = 0
    if platform.banner is BannerStyle.SINGLE_LINE or not any(word in text for word in _FREE_TEXT_WORDS):
        yield from _at_margin(text, platform)
        return
    if _BELOW.search(text):
        raise _NotIndependentError
    while (found := _FREE_TEXT.search(text, position)) is not None:
        yield from _at_margin(text[position : found.start()], platform)
        block, position = _with_body(text, found.start(), platform)
        yield block
    yield from _at_margin(text[position:], platform)


def _with_body(text: str, start: int, platform: Platform) -> tuple[_Block, int]:
    """The banner that begins here, and where what follows it begins."""
    first, *following = text[start:].split("\n")
    banner = BANNER.match(first)
    body, used = None, 0
    if banner is not None:
        body, used, _closed = banner_body(banner[2] or "", following, platform.banner)
    block = "\n".join([first, *following[:used]])
    head = banner[1] if banner is not None and body is not None else first
    return _Block(head.rstrip(), block.rstrip() if body is None else block), start + len(block) + 1


def _at_margin(text: str, platform: Platform) -> Iterator[_Block]:
    text = text.strip("\n")
    for block in _AT_MARGIN.split(text) if text else ():
        if block[0].isspace():
            raise _NotIndependentError
        if not platform.is_comment(block):
            yield _Block(block.partition("\n")[0], block.rstrip())
        elif "\n" in block.rstrip():
            raise _NotIndependentError  # what is below a comment belongs to the block before it


def _read(block: str, platform: Platform) -> Sequence[_Block]:
    """The normal form of one block that is not known: none or several where its line gives none or several.

    Raises:
        _NotIndependentError: it continues another block's line, or what is below it belongs to another block.
    """
    if block.startswith(platform.grammar.top.ranged):
        raise _NotIndependentError
    first = next(read_lines(block.split("\n"), platform), None)
    if first is None or is_noise(first, platform):
        if "\n" in block:
            raise _NotIndependentError
        return ()
    root = tidy(parse(block, platform), platform.grammar)
    return [_Block(child.text, render(Node("", [child]), platform).removesuffix("\n")) for child in root.children]


def _refuse_joined(blocks: Sequence[_Block]) -> None:
    """A block that is printed twice becomes one.

    Raises:
        _NotIndependentError: there is one that has lines below it.
    """
    if len({block.head for block in blocks}) == len(blocks):
        return
    heads = sorted(blocks)
    if any(one.head == other.head and ("\n" in one.text or "\n" in other.text) for one, other in pairwise(heads)):
        raise _NotIndependentError

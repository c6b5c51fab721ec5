"""The diff tables. Written in Python rather than as templates, since one plan's page draws thousands of rows."""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString

from portal.templatetags.ui import icon

register = template.Library()

_MARKS: Final = {"add": "+", "del": "&minus;"}
_WORDS: Final = {"add": "ins", "del": "del"}


class _Segment(Protocol):
    """A piece of a line; ``changed`` where its words differ from the other side's."""

    @property
    def text(self) -> str: ...
    @property
    def changed(self) -> bool: ...


class _Row(Protocol):
    """One line of the unified view, and one side of the other; a number is None on the side where the line is not."""

    @property
    def kind(self) -> str: ...
    @property
    def old_number(self) -> int | None: ...
    @property
    def new_number(self) -> int | None: ...
    @property
    def segments(self) -> Sequence[_Segment]: ...


class _Hunk(Protocol):
    """Lines that change together; ``hidden_before`` counts the unchanged lines that are left out before it.

    ``section`` None draws no header. A hunk may have a ``fold_url`` besides: it answers htmx with the rows that are
    left out, and a browser with a page of them.
    """

    @property
    def section(self) -> str | None: ...
    @property
    def hidden_before(self) -> int: ...
    @property
    def rows(self) -> Sequence[_Row]: ...
    @property
    def pairs(self) -> Sequence[tuple[_Row | None, _Row | None]]: ...


@register.simple_tag
def diff_table(
    hunks: Sequence[_Hunk], mode: str, name: str, *, what: str = "running configuration to intended configuration"
) -> SafeString:
    """The diff of one device, ``mode`` unified or split; ``name`` and ``what`` tell screen readers whose and of what.

    Line numbers are attributes that the style sheet draws, so copying a block takes the lines alone.
    """
    split = mode == "split"
    body = "".join(_body(hunks, split=split))
    label = escape(f"{name}: {what}")
    table = (
        f'<table class="diff diff--{"split" if split else "unified"}">{_head(split=split)}<tbody>{body}</tbody></table>'
    )
    return SafeString(f'<div class="diff-scroll" tabindex="0" role="region" aria-label="{label}">{table}</div>')


@register.simple_tag
def diff_rows(hunks: Sequence[_Hunk], mode: str) -> SafeString:
    """Only the rows, to take the place of a fold."""
    return SafeString("".join(_body(hunks, split=mode == "split")))


_HALF_COLUMNS: Final = '<col class="diff__col-num"><col class="diff__col-mark"><col>'
_SPLIT_NAMES: Final = ("Running line", "Sign", "Running", "Intended line", "Sign", "Intended")
_UNIFIED_NAMES: Final = ("Running line", "Intended line", "Sign", "Configuration")


def _head(*, split: bool) -> str:
    names: tuple[str, ...] = _SPLIT_NAMES if split else _UNIFIED_NAMES
    cells = "".join(f'<th scope="col">{name}</th>' for name in names)
    columns = f"<colgroup>{_HALF_COLUMNS}{_HALF_COLUMNS}</colgroup>" if split else ""
    return f'{columns}<thead class="visually-hidden"><tr>{cells}</tr></thead>'


def _body(hunks: Sequence[_Hunk], *, split: bool) -> Iterator[str]:
    span = 6 if split else 4
    for hunk in hunks:
        if hunk.hidden_before:
            yield _fold(hunk.hidden_before, span, getattr(hunk, "fold_url", ""))
        if hunk.section is not None:
            yield _section(hunk.section, span)
        if split:
            yield from (_pair(left, right) for left, right in hunk.pairs)
        else:
            yield from (_row(row) for row in hunk.rows)


def _fold(hidden: int, span: int, url: str) -> str:
    text = f"{icon('unfold')}{hidden} unchanged line{'' if hidden == 1 else 's'}"
    if url:
        safe = escape(url)
        text = f'<a href="{safe}" hx-get="{safe}" hx-target="closest tr" hx-swap="outerHTML show:none">{text}</a>'
    return f'<tr class="diff__fold"><td colspan="{span}">{text}</td></tr>'


def _section(section: str, span: int) -> str:
    text = f"<code>{escape(section)}</code>" if section else "Top level"
    return f'<tr class="diff__hunk" data-hunk><td colspan="{span}">{text}</td></tr>'


def _row(row: _Row) -> str:
    return (
        f'<tr data-kind="{row.kind}">{_number(row.old_number)}{_number(row.new_number)}'
        f'<td class="diff__mark">{_MARKS.get(row.kind, "")}</td>'
        f'<td class="diff__code">{_text(row.segments, row.kind)}</td></tr>'
    )


def _number(number: int | None) -> str:
    return f'<td class="diff__num" data-n="{number}"></td>' if number else '<td class="diff__num"></td>'


def _pair(left: _Row | None, right: _Row | None) -> str:
    return (
        f"<tr>{_half(left, left.old_number if left else None)}{_half(right, right.new_number if right else None)}</tr>"
    )


_NOTHING: Final = "".join(f'<td class="diff__{part}" data-kind="none"></td>' for part in ("num", "mark", "code"))


def _half(row: _Row | None, number: int | None) -> str:
    if row is None:
        return _NOTHING
    kind = f' data-kind="{row.kind}"'
    return (
        f'<td class="diff__num"{kind} data-n="{number}"></td>'
        f'<td class="diff__mark"{kind}>{_MARKS.get(row.kind, "")}</td>'
        f'<td class="diff__code"{kind}>{_text(row.segments, row.kind)}</td>'
    )


def _text(segments: Sequence[_Segment], kind: str) -> str:
    word = _WORDS.get(kind)
    return "".join(
        f"<{word}>{escape(part.text)}</{word}>" if word and part.changed else escape(part.text) for part in segments
    )

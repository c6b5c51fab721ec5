"""The diff tables. Written in Python rather than as templates, since one plan's page draws thousands of rows."""

from collections.abc import Iterator, Mapping, Sequence
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


class _Talk(Protocol):
    """What is said about the diff's lines; ``at`` holds it by side and number, ready to be shown.

    ``line_url`` and a query that names the line open a form to say something about it; "" where nobody may.
    """

    @property
    def line_url(self) -> str: ...
    @property
    def at(self) -> Mapping[tuple[str, int], SafeString]: ...


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
    hunks: Sequence[_Hunk],
    mode: str,
    name: str,
    talk: _Talk | None = None,
    warned: "_Warned | None" = None,
    *,
    what: str = "running configuration to intended configuration",
) -> SafeString:
    """The diff of one device, ``mode`` unified or split; ``name`` and ``what`` tell screen readers whose and of what.

    Line numbers are attributes that the style sheet draws, so copying a block takes the lines alone. With ``talk``
    threads stand below their lines, and so do warnings with ``warned``.
    """
    split = mode == "split"
    body = "".join(_body(hunks, split=split, talk=talk, warned=warned))
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


_Warned = Mapping[tuple[str, int], SafeString]
"""What is warned of a line, by side and number."""


def _body(
    hunks: Sequence[_Hunk], *, split: bool, talk: _Talk | None = None, warned: _Warned | None = None
) -> Iterator[str]:
    span = 6 if split else 4
    for hunk in hunks:
        if hunk.hidden_before:
            yield _fold(hunk.hidden_before, span, getattr(hunk, "fold_url", ""))
        if hunk.section is not None:
            yield _section(hunk.section, span)
        if split:
            for left, right in hunk.pairs:
                yield _pair(left, right, talk)
                yield _below(left, right, warned, "diff__warned", span)
                yield _said(left, right, talk, span)
        else:
            for row in hunk.rows:
                yield _row(row, talk)
                yield _below(row, row, warned, "diff__warned", span)
                yield _said(row, row, talk, span)


def _said(left: _Row | None, right: _Row | None, talk: _Talk | None, span: int) -> str:
    """The threads of a line of the running and of a line of the intended configuration."""
    return _below(left, right, talk.at if talk else None, "diff__talk", span)


def _below(left: _Row | None, right: _Row | None, at: _Warned | None, css_class: str, span: int) -> str:
    """What stands below a line of the running and of the intended configuration."""
    if not at:
        return ""
    running = at.get(("running", left.old_number)) if left and left.old_number else None
    intended = at.get(("intended", right.new_number)) if right and right.new_number else None
    return "".join(
        f'<tr class="{css_class}"><td colspan="{span}">{html}</td></tr>' for html in (running, intended) if html
    )


def _say(side: str, number: int | None, talk: _Talk | None) -> str:
    """The way to say something about a line. Keyboards take the button of the device, which offers every line."""
    if talk is None or not talk.line_url or not number:
        return ""
    url = escape(f"{talk.line_url}side={side}&line={number}")
    return f'<a class="diff__say" href="{url}" tabindex="-1" aria-label="Comment on {side} line {number}"></a>'


def _fold(hidden: int, span: int, url: str) -> str:
    text = f"{icon('unfold')}{hidden} unchanged line{'' if hidden == 1 else 's'}"
    if url:
        safe = escape(url)
        text = f'<a href="{safe}" hx-get="{safe}" hx-target="closest tr" hx-swap="outerHTML show:none">{text}</a>'
    return f'<tr class="diff__fold"><td colspan="{span}">{text}</td></tr>'


def _section(section: str, span: int) -> str:
    text = f"<code>{escape(section)}</code>" if section else "Top level"
    return f'<tr class="diff__hunk" data-hunk><td colspan="{span}">{text}</td></tr>'


def _row(row: _Row, talk: _Talk | None) -> str:
    gone = row.new_number is None
    old = _say("running", row.old_number, talk) if gone else ""
    new = "" if gone else _say("intended", row.new_number, talk)
    return (
        f'<tr data-kind="{row.kind}">{_number(row.old_number, old)}{_number(row.new_number, new)}'
        f'<td class="diff__mark">{_MARKS.get(row.kind, "")}</td>'
        f'<td class="diff__code">{_text(row.segments, row.kind)}</td></tr>'
    )


def _number(number: int | None, say: str = "") -> str:
    return f'<td class="diff__num" data-n="{number}">{say}</td>' if number else '<td class="diff__num"></td>'


def _pair(left: _Row | None, right: _Row | None, talk: _Talk | None) -> str:
    old, new = left.old_number if left else None, right.new_number if right else None
    said = _say("running", old, talk) if left and left.kind == "del" else ""
    return f"<tr>{_half(left, old, said)}{_half(right, new, _say('intended', new, talk))}</tr>"


_NOTHING: Final = "".join(f'<td class="diff__{part}" data-kind="none"></td>' for part in ("num", "mark", "code"))


def _half(row: _Row | None, number: int | None, say: str) -> str:
    if row is None:
        return _NOTHING
    kind = f' data-kind="{row.kind}"'
    return (
        f'<td class="diff__num"{kind} data-n="{number}">{say}</td>'
        f'<td class="diff__mark"{kind}>{_MARKS.get(row.kind, "")}</td>'
        f'<td class="diff__code"{kind}>{_text(row.segments, row.kind)}</td>'
    )


def _text(segments: Sequence[_Segment], kind: str) -> str:
    word = _WORDS.get(kind)
    return "".join(
        f"<{word}>{escape(part.text)}</{word}>" if word and part.changed else escape(part.text) for part in segments
    )

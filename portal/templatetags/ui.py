"""The design system's template tags; ``docs/design-system.md`` shows each in use."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from django import template
from django.forms import BoundField
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from changes.domain.run_states import DeviceRunState
from changes.domain.states import ChangeState, ChangeType
from portal.templatetags._moments import duration, span_to, when
from portal.templatetags._rails import RailStep, StepFact, TrackStep, rail_steps, track_steps
from portal.templatetags._states import label_of, look_of

register = template.Library()


@register.simple_tag
def icon(name: str, *, label: str = "", size: str = "", spin: bool = False) -> SafeString:
    """A symbol of the sprite. Decorative unless ``label`` names it; ``size`` is sm, lg or xl."""
    return _icon(name, label, size, spin)


@lru_cache(maxsize=1024)
def _icon(name: str, label: str, size: str, spin: bool) -> SafeString:
    extra = format_html("{}{}", _attr("data-size", size), SafeString(" data-spin") if spin else "")
    described = format_html(' role="img" aria-label="{}"', label) if label else SafeString(' aria-hidden="true"')
    return format_html(
        '<svg class="icon"{}{} focusable="false"><use href="{}#{}"></use></svg>',
        extra,
        described,
        static("img/icons.svg"),
        name,
    )


def _attr(name: str, value: str) -> SafeString:
    return format_html(' {}="{}"', name, value) if value else SafeString("")


@register.simple_tag
def state_badge(value: object, *, size: str = "", label: str = "") -> SafeString:
    """A pill with glyph and word for any state, outcome, close code or decision; ``size`` may be lg."""
    return _state("badge", value, size=size, label=label)


@register.simple_tag
def state_text(value: object, *, label: str = "") -> SafeString:
    """The same without a pill, for dense rows."""
    return _state("state", value, size="", label=label)


def _state(css_class: str, value: object, *, size: str, label: str) -> SafeString:
    look = look_of(str(value))
    return format_html(
        '<span class="{}" data-state="{}" data-tone="{}"{}>{}{}</span>',
        css_class,
        str(value),
        look.tone,
        _attr("data-size", size),
        icon(look.glyph, spin=look.spins),
        label or label_of(value),
    )


@register.simple_tag
@lru_cache(maxsize=256)
def state_glyph(value: object) -> SafeString:
    """Only the glyph, named for screen readers; for trees where the word stands elsewhere."""
    look = look_of(str(value))
    return format_html(
        '<span class="state" data-state="{}" data-tone="{}" title="{}">{}</span>',
        str(value),
        look.tone,
        label_of(value),
        icon(look.glyph, label=label_of(value), spin=look.spins),
    )


@register.filter
def tone(value: object) -> str:
    """The tone of a state, for ``data-tone`` on a row or panel."""
    return look_of(str(value)).tone


@register.simple_tag
def state_rail(
    state: str, change_type: str = ChangeType.NORMAL, *, left_from: str = "", close_code: str = ""
) -> SafeString:
    """The rail from draft to closed as an ordered list.

    ``left_from`` is the state before rejected or canceled.
    """
    steps = rail_steps(
        ChangeState(state),
        ChangeType(change_type),
        left_from=ChangeState(left_from) if left_from else None,
        close_code=close_code,
    )
    items = format_html_join("", "{}", ((_rail_item(step),) for step in steps))
    return format_html('<ol class="rail" aria-label="Progress of this change">{}</ol>', items)


_SPOKEN: Final = {"done": "done: ", "current": "now: ", "todo": "to come: ", "exit": "ended: "}


def _rail_item(step: RailStep) -> SafeString:
    return format_html(
        '<li class="rail__step" data-status="{}" data-tone="{}"{}>{}<span class="rail__label">'
        '<span class="visually-hidden">{}</span>{}</span></li>',
        step.status,
        step.look.tone,
        SafeString(' aria-current="step"') if step.status in {"current", "exit"} else "",
        icon(step.look.glyph),
        _SPOKEN[step.status],
        step.label,
    )


@register.simple_tag
def step_track(state: str, steps: Iterable[StepFact]) -> SafeString:
    """The steps of a device run as a row of glyphs; ``steps`` are its recorded RunSteps in order."""
    track = track_steps(DeviceRunState(state), steps)
    return format_html(
        '<ol class="track">{}</ol>', format_html_join("", "{}", ((_track_item(step),) for step in track))
    )


def _track_item(step: TrackStep) -> SafeString:
    look = step.look
    text = f"{step.label}: {label_of('done' if step.status == 'ok' else step.status).lower()}"
    return format_html(
        '<li class="track__step" data-status="{}" data-tone="{}" title="{}">{}</li>',
        step.status,
        look.tone,
        text,
        icon(look.glyph, label=text, spin=look.spins),
    )


@register.simple_tag
def digest(value: str, *, length: int = 12, label: str = "digest", full: bool = False) -> SafeString:
    """A SHA-256 as a chip: its first characters, the whole in the title and under the copy button."""
    if not value:
        return format_html('<span class="muted">{}</span>', "none yet")
    return format_html(
        '<span class="digest"><code title="{0}">{1}</code><button type="button" class="digest__copy" '
        'data-copy="{0}" aria-label="Copy {2}">{3}{4}</button></span>',
        value,
        value if full else value[:length],
        label,
        icon("copy"),
        SafeString(str(icon("check")).replace("<svg ", "<svg data-done ")),
    )


@register.filter
def initials(name: str) -> str:
    """One or two letters for an avatar: ``maria.keller`` gives ``MK``."""
    words = str(name).replace(".", " ").replace("_", " ").replace("-", " ").split()
    return "".join(word[0] for word in words[:2]).upper() or "?"


_AVATAR_TONES: Final = ("accent", "live", "wait", "ok", "warn", "idle")


@register.simple_tag
def person(name: str, *, size: str = "") -> SafeString:
    """A person's initials in a disc, and the name beside it."""
    return format_html('<span class="person">{}{}</span>', avatar(name, size=size), name)


@register.simple_tag
def avatar(name: str, *, size: str = "") -> SafeString:
    """A person's initials in a disc; decorative, since the name stands beside it."""
    chosen = _AVATAR_TONES[sum(name.encode()) % len(_AVATAR_TONES)]
    return format_html(
        '<span class="avatar" data-tone="{}"{} aria-hidden="true">{}</span>',
        chosen,
        _attr("data-size", size),
        initials(name),
    )


@register.filter
def as_lines(lines: Iterable[str]) -> str:
    """Lines as one text, for ``<pre>``; a template tag cannot hold a line break."""
    return "\n".join(lines)


@register.simple_tag
def diffstat(added: int, removed: int, *, bar: bool = True) -> SafeString:
    """Lines added and removed, with five squares that show the proportion."""
    squares = format_html_join("", '<i data-kind="{}"></i>', ((kind,) for kind in _squares(added, removed)))
    return format_html(
        '<span class="diffstat">{} {}{}</span>',
        _lines("add", "+", added, "added"),
        _lines("del", SafeString("&minus;"), removed, "removed"),
        format_html('<span class="diffstat__bar" aria-hidden="true">{}</span>', squares) if bar else "",
    )


def _lines(kind: str, sign: str, count: int, verb: str) -> SafeString:
    spoken = f" lines {verb}"
    return format_html(
        '<span class="diffstat__{}">{}{}<span class="visually-hidden">{}</span></span>',
        kind,
        sign,
        count,
        spoken,
    )


def _squares(added: int, removed: int) -> list[str]:
    total = added + removed
    if not total:
        return [""] * 5
    green = round(5 * added / total)
    green = min(max(green, 1 if added else 0), 4 if removed else 5)
    return ["add"] * green + ["del"] * (5 - green)


_RISK_TONES: Final = {"low": ("ok", 1), "medium": ("warn", 2), "high": ("bad", 3)}


@register.simple_tag
@lru_cache(maxsize=16)
def risk(level: str) -> SafeString:
    """Risk as one to three filled steps and the word."""
    chosen, filled = _RISK_TONES.get(level, ("idle", 0))
    steps = format_html_join("", "<i{}></i>", ((SafeString(" data-on") if n < filled else "",) for n in range(3)))
    return format_html(
        '<span class="risk" data-tone="{}"><span class="risk__steps" aria-hidden="true">{}</span>{} risk</span>',
        chosen,
        steps,
        label_of(level),
    )


register.filter("when", when)
register.filter("duration", duration)
register.filter("span_to", span_to)


@register.inclusion_tag("includes/_field.html")
def field(bound: BoundField, *, grow: bool = False, label: str = "", code: bool = False) -> dict[str, Any]:
    """A form field with label, hint and errors, tied together for screen readers."""
    described = [f"{bound.id_for_label}_helptext"] if bound.help_text else []
    described += [f"{bound.id_for_label}_error"] if bound.errors else []
    attrs: dict[str, str | bool] = {"aria-describedby": " ".join(described)} if described else {}
    if code:
        attrs |= {"data-code": "", "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}
    return {
        "field": bound,
        "control": bound.as_widget(attrs=attrs),
        "label": label or bound.label,
        "grow": grow,
        "single": getattr(bound.field.widget, "input_type", "") == "checkbox",
    }

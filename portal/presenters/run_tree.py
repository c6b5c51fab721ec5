"""The tree of a run: waves, the sites of a large wave, devices; only what is open is read, and no more than a page."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from changes.domain.run_states import DEVICE_ENDED, DeviceRunState, WaveState
from changes.models import DeviceRun, Run, Wave, WaveCheck
from changes.services.run_watching import Figures, Stretch, WaveFigures, matching, sites_of, wave_devices
from portal.presenters.run_query import RunQuery, branch_url, run_url, shown_text
from portal.presenters.run_rows import RunRow, run_rows
from portal.presenters.shares import Share, shares_of
from portal.presenters.visible import Mask
from portal.presenters.words import counted, few

ROWS: Final = 100
"""Devices of one page of a branch."""
WAVES: Final = 60
"""Waves of one page of the tree."""
OPEN_AT_ONCE: Final = 100
"""Devices that stand open when the page comes, over several waves."""
SITES_FROM: Final = 60
"""A wave of more devices than that is divided into its sites, where these are neither few devices each nor too many."""
SITES_MOST: Final = 100
DEVICES_OF_A_SITE: Final = 3

_NOTES: Final = {
    WaveState.SOAKING: "soaking: left alone before it is judged",
    WaveState.WAITING: "waits for a person",
    WaveState.STOPPED: "the run went no further",
}


@dataclass(frozen=True, slots=True)
class SiteHead:
    """One site of a wave; its devices are read when it is opened."""

    key: str
    name: str
    done: int
    total: int
    shares: tuple[Share, ...]
    shares_label: str
    url: str
    part_url: str


@dataclass(frozen=True, slots=True)
class Branch:
    """What stands below an open wave or site: sites, or a page of devices. ``shown`` names it to the page's poll."""

    key: str
    sites: tuple[SiteHead, ...]
    rows: tuple[RunRow, ...]
    shown: str
    wave: int
    next_url: str = ""
    next_part_url: str = ""
    first_url: str = ""
    first_part_url: str = ""


@dataclass(frozen=True, slots=True)
class WaveHead:
    """One wave; ``state`` is pending, running, waiting or ended, ``note`` how it stands beyond that.

    ``unhealthy`` names devices that were looked at once more and were not as they should be; ``matching`` is None
    where nothing is filtered. ``branch`` is None where the wave is closed.
    """

    number: int
    name: str
    state: str
    done: int
    total: int
    attention: int
    matching: int | None
    note: str
    unhealthy: str
    shares: tuple[Share, ...]
    shares_label: str
    url: str
    part_url: str
    branch: Branch | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """The waves of one page, and the way to the others; ``hidden`` counts waves in which no device matches."""

    waves: tuple[WaveHead, ...]
    earlier_url: str = ""
    later_url: str = ""
    summary: str = ""
    hidden: int = 0


def tree_of(run: Run, found: Figures, query: RunQuery, mask: Mask, now: datetime) -> Tree:
    """The tree as an address opens it; at most five queries."""
    # A wave that goes on, or is still to come, may yet hold a device that matches.
    listed = [each for each in found.waves if query.chosen.is_empty or each.matching or not each.wave.ended_at]
    start = _first_shown(listed, query)
    on_page = listed[start : start + WAVES]
    heads = wave_heads(run, on_page, query)
    branches = _branches(run, _opened(on_page, query), query, mask, now)
    waves = tuple(replace(head, branch=branches.get(head.number)) for head in heads)
    return Tree(
        waves=waves,
        earlier_url=_waves_url(run, query, listed[max(0, start - WAVES)]) if start else "",
        later_url=_waves_url(run, query, listed[start + WAVES]) if len(listed) > start + WAVES else "",
        summary=f"Waves {start + 1} to {start + len(on_page)} of {len(listed)}" if len(listed) > WAVES else "",
        hidden=len(found.waves) - len(listed),
    )


def _waves_url(run: Run, query: RunQuery, first: WaveFigures) -> str:
    return run_url(run, replace(query.at(0), waves=first.wave.number))


def _first_shown(listed: Sequence[WaveFigures], query: RunQuery) -> int:
    """Where the page of waves begins: as asked for, else with the page of the wave that is under way."""
    wanted = query.waves or query.wave
    if wanted:
        at = next((i for i, each in enumerate(listed) if each.wave.number >= wanted), 0)
        return at if query.waves else at // WAVES * WAVES
    going_on = next((i for i, each in enumerate(listed) if not each.wave.ended_at), 0)
    return going_on // WAVES * WAVES


def _opened(on_page: Sequence[WaveFigures], query: RunQuery) -> list[WaveFigures]:
    """The waves that stand open when the page comes: the one asked for, else those under way, and small ones."""
    if query.wave:
        return [each for each in on_page if each.wave.number == query.wave]
    going_on = [each for each in on_page if each.wave.opened_at and not each.wave.ended_at]
    others = [each for each in on_page if each not in going_on]
    opened: list[WaveFigures] = []
    room = OPEN_AT_ONCE
    for each in [*going_on, *others]:
        room -= each.matching
        if opened and room < 0:
            break
        opened.append(each)
    return opened


def wave_heads(run: Run, waves: Iterable[WaveFigures], query: RunQuery) -> tuple[WaveHead, ...]:
    """The heads of some waves; no query, but one where a device was found unhealthy."""
    shown = list(waves)
    sick = _unhealthy(run) if any(each.unhealthy for each in shown) else {}
    return tuple(_head(run, each, query, sick) for each in shown)


def _head(run: Run, each: WaveFigures, query: RunQuery, sick: Mapping[int, Sequence[str]]) -> WaveHead:
    wave, place = each.wave, query.at(each.wave.number)
    shares = shares_of(each.states)
    return WaveHead(
        number=wave.number,
        name=wave.name,
        state=_state(wave),
        done=each.ended,
        total=each.total,
        attention=each.attention,
        matching=None if query.chosen.is_empty else each.matching,
        note=_note(each),
        unhealthy=few(sick.get(wave.number, ())),
        shares=shares,
        shares_label=_spoken(shares),
        url=run_url(run, place),
        part_url=branch_url(run, place),
    )


def _state(wave: Wave) -> str:
    if wave.state == WaveState.WAITING:
        return "waiting"
    return "pending" if wave.opened_at is None else "running" if wave.ended_at is None else "ended"


def _spoken(shares: Iterable[Share]) -> str:
    return ", ".join(f"{share.count} {share.state.replace('_', ' ')}" for share in shares)


def _note(each: WaveFigures) -> str:
    seen = each.healthy + each.unhealthy
    if each.wave.state == WaveState.CHECKING:
        return f"looking at its devices once more, {seen} of {seen + each.visits_open}"
    healthy = f"{each.healthy} of {seen} found healthy again" if seen else ""
    return ", ".join(part for part in (healthy, _NOTES.get(WaveState(each.wave.state), "")) if part)


def _unhealthy(run: Run) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = WaveCheck.objects.failed().filter(wave__run=run).order_by("pk")
    for number, name, code in rows.values_list("wave__number", "device_run__device__name", "code")[:200]:
        found.setdefault(number, []).append(f"{name} ({code})")
    return found


# ---- branches


def branch_of(run: Run, query: RunQuery, mask: Mask, now: datetime) -> Branch:
    """What stands below the place of a query; at most three queries."""
    if query.group is None and query.chosen.is_empty and not query.after:
        heads = site_heads(run, [query.wave], query)
        if heads.get(query.wave):
            return Branch(branch_key(query.wave), heads[query.wave], (), "", query.wave)
    rows = wave_devices(run, query.stretch, query.chosen)
    return _page(run, query, list(rows.values_list("pk", flat=True)[: ROWS + 1]), mask, now)


def _branches(run: Run, opened: Sequence[WaveFigures], query: RunQuery, mask: Mask, now: datetime) -> dict[int, Branch]:
    if len(opened) == 1:
        number = opened[0].wave.number
        place = query if query.wave else query.at(number)
        return {number: branch_of(run, place, mask, now)}
    small = [each.wave.number for each in opened]
    if not small:
        return {}
    ids = DeviceRun.objects.filter(matching(query.chosen), run=run, wave__number__in=small).values_list("pk", flat=True)
    shown = run_rows(run, list(ids[:OPEN_AT_ONCE]), mask, now)
    return {
        number: Branch(
            key=branch_key(number),
            sites=(),
            rows=tuple(row for row in shown if row.wave == number),
            shown=shown_text(Stretch(number)),
            wave=number,
        )
        for number in small
    }


def _page(run: Run, query: RunQuery, ids: Sequence[int], mask: Mask, now: datetime) -> Branch:
    more = len(ids) > ROWS
    on_page = ids[:ROWS]
    last = on_page[-1] if more else 0
    first, after = replace(query, after=0), replace(query, after=last)
    return Branch(
        key=branch_key(query.wave, query.group),
        sites=(),
        rows=run_rows(run, on_page, mask, now),
        shown=shown_text(replace(query.stretch, last=last)),
        wave=query.wave,
        next_url=run_url(run, after) if more else "",
        next_part_url=branch_url(run, after) if more else "",
        first_url=run_url(run, first) if query.after else "",
        first_part_url=branch_url(run, first) if query.after else "",
    )


def branch_key(wave: int, site: str | None = None) -> str:
    """What names a branch in the page: a wave's number, and a short digest of the site's name."""
    if site is None:
        return str(wave)
    return f"{wave}-{hashlib.sha256(site.encode()).hexdigest()[:8]}"


def site_heads(run: Run, waves: Sequence[int], query: RunQuery) -> dict[int, tuple[SiteHead, ...]]:
    """The sites of those waves that are divided into sites; one query."""
    found: dict[int, list[tuple[str, Counter[DeviceRunState]]]] = {}
    for wave, site, states in sites_of(run, waves):
        found.setdefault(wave, []).append((site, states))
    return {
        wave: tuple(_site(run, wave, name, states, query) for name, states in sites)
        for wave, sites in found.items()
        if _is_divided(sites)
    }


def _is_divided(sites: Sequence[tuple[str, Counter[DeviceRunState]]]) -> bool:
    devices = sum(states.total() for _, states in sites)
    enough = devices > SITES_FROM and devices >= DEVICES_OF_A_SITE * len(sites)
    return enough and 1 < len(sites) <= SITES_MOST


def _site(run: Run, wave: int, name: str, states: Counter[DeviceRunState], query: RunQuery) -> SiteHead:
    place = query.at(wave, group=name)
    shares = shares_of(states)
    return SiteHead(
        key=branch_key(wave, name),
        name=name or "No site",
        done=sum(count for state, count in states.items() if state in DEVICE_ENDED),
        total=states.total(),
        shares=shares,
        shares_label=f"{counted(states.total(), 'device')}: {_spoken(shares)}",
        url=run_url(run, place),
        part_url=branch_url(run, place),
    )

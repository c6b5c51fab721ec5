import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from changes.rendering.errors import ProblemKind, TemplateError, shown_bytes
from changes.rendering.lines import command_lines
from changes.rendering.process import DEFAULT_LIMITS, ChildLostError, RenderLimits, RenderProcess

MAX_OVERRUNS: Final = 3
_OVERRUNS: Final = frozenset({ProblemKind.TIMEOUT, ProblemKind.MEMORY, ProblemKind.CRASHED, ProblemKind.OUTPUT})


@dataclass(frozen=True, slots=True)
class RenderResult:
    """One device's lines, or why there are none. ``index`` counts the devices in the order given, from 0."""

    index: int
    lines: tuple[str, ...] = ()
    error: TemplateError | None = None


def render_batch(
    content: str,
    variables: Mapping[str, object],
    devices: Iterable[Mapping[str, object]],
    *,
    limits: RenderLimits = DEFAULT_LIMITS,
) -> Generator[RenderResult, None, None]:
    """Render the content for each device, one after the other, in a process that can do nothing else.

    ``devices`` are plain dicts (name, hostname, site, role, platform, address, serial, model, tags) that the
    template sees as ``device``; they are taken one at a time, so a generator may feed thousands. What goes
    wrong for one device is in its result and does not touch the next. After three devices in a row that overran
    a limit, the others are not tried any more and get the same error. Close the iterator, or exhaust it, to end
    the process.

    Raises:
        RendererUnavailableError: the process cannot be started on this machine.
        TypeError: a device or a variable holds something other than plain JSON values.
    """
    with _Session(content, variables, limits) as session:
        for index, device in enumerate(devices):
            try:
                yield RenderResult(index, lines=command_lines(session.render(device)))
            except TemplateError as error:
                yield RenderResult(index, error=error)


def render_one(
    content: str,
    variables: Mapping[str, object],
    device: Mapping[str, object],
    *,
    limits: RenderLimits = DEFAULT_LIMITS,
) -> RenderResult:
    """Render for a single device, as a preview does; see :func:`render_batch`."""
    [result] = render_batch(content, variables, [device], limits=limits)
    return result


def check_syntax(
    content: str, names: Iterable[str] | None = None, *, limits: RenderLimits = DEFAULT_LIMITS
) -> tuple[TemplateError, ...]:
    """All that can be said about a template without a device, by line; empty when it is well.

    ``names`` are the variables that there will be; with them, unknown names are reported too, unless the
    template itself provides for their absence (``is defined``, ``default``). ``device`` is always known. It
    takes a process start, about 0.1 s.

    Raises:
        RendererUnavailableError: the process cannot be started on this machine.
    """
    known = None if names is None else sorted({*names, "device"})
    with RenderProcess(limits) as process:
        try:
            reply = process.ask({"do": "check", "content": content, "names": known})
        except ChildLostError as error:
            return (TemplateError(error.kind, detail=error.detail),)
    return tuple(_error(problem, limits, ()) for problem in reply["problems"])


class _Session:
    """A template and its variables, and the process that has them loaded, renewed whenever it is lost."""

    def __init__(self, content: str, variables: Mapping[str, object], limits: RenderLimits) -> None:
        self._load = {"do": "load", "content": content, "variables": json.dumps(dict(variables))}
        self._names = tuple(sorted({*variables, "device"}))
        self._limits = limits
        self._process: RenderProcess | None = None
        self._given_up: TemplateError | None = None
        self._overruns = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def render(self, device: Mapping[str, object]) -> str:
        """The text for one device.

        Raises:
            TemplateError: the template failed for this device, or was given up before.
        """
        if self._given_up is not None:
            raise self._given_up
        if self._process is None:
            self._start()
        try:
            text = self._ask({"do": "render", "device": dict(device)})["text"]
        except TemplateError as error:
            self._overruns = self._overruns + 1 if error.kind in _OVERRUNS else 0
            if self._overruns >= MAX_OVERRUNS:
                self._given_up = error
            raise
        self._overruns = 0
        return str(text)

    def _start(self) -> None:
        self._process = RenderProcess(self._limits)
        try:
            self._ask(self._load)
        except TemplateError as error:
            # It is the template itself, not a device: trying it again for the next one would give the same.
            self._given_up = error
            raise

    def _ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        if self._process is None:
            raise RuntimeError("no rendering process")
        try:
            reply = self._process.ask(request)
        except ChildLostError as error:
            self._drop()
            raise TemplateError(error.kind, detail=error.detail) from None
        if reply.get("problems"):
            problem = _error(reply["problems"][0], self._limits, self._names)
            if problem.kind in _OVERRUNS:
                self._drop()
            raise problem
        return reply

    def _drop(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None


def _error(problem: Mapping[str, Any], limits: RenderLimits, names: tuple[str, ...]) -> TemplateError:
    kind = ProblemKind(problem["kind"])
    owner = str(problem.get("owner", ""))
    known = tuple(problem.get("known", ())) or (names if not owner else ())
    details = {
        ProblemKind.TIMEOUT: f"{limits.wall_s:g} s",
        ProblemKind.MEMORY: f"{shown_bytes(limits.memory_bytes)} of memory",
        ProblemKind.OUTPUT: f"{shown_bytes(limits.output_bytes)} of text",
    }
    return TemplateError(
        kind,
        line=problem.get("line"),
        detail=details.get(kind, str(problem.get("detail", ""))),
        name=str(problem.get("name", "")),
        owner=owner,
        known=known if kind is ProblemKind.UNDEFINED else (),
    )

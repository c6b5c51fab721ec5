"""The program of the rendering process. It imports Jinja2 and the standard library, nothing of the product.

It reads one JSON request a line and answers each with one JSON line. Before it reads the first one it gives
up, for good, the rights to open files and sockets, to write files, to start processes, and to use more memory
than it is told. A timer stops each request; where the interpreter cannot be interrupted, the kernel's CPU
limit does, and then the parent's clock.
"""

import contextlib
import encodings.unicode_escape
import json
import math
import os
import resource
import signal
import sys
import textwrap
import time
import unicodedata
from collections.abc import Mapping
from functools import partial
from types import FrameType, GeneratorType, TracebackType
from typing import Any, Never, cast

import jinja2.debug  # loaded now, since no file can be opened later
import jinja2.meta
from jinja2 import StrictUndefined, Template, TemplateRuntimeError, TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

FILTERS = frozenset(
    (
        *("abs", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "first", "float"),
        *("format", "groupby", "indent", "int", "items", "join", "last", "length", "list", "lower", "map"),
        *("max", "min", "reject", "rejectattr", "replace", "reverse", "round", "select", "selectattr"),
        *("slice", "sort", "string", "sum", "title", "trim", "truncate", "unique", "upper", "wordcount"),
        "wordwrap",
    )
)
GLOBALS = frozenset({"namespace", "range"})
CPU_TOTAL_S = 3600
NOBODY = 65_534
_PRELOADED = (jinja2.debug, textwrap, unicodedata, encodings.unicode_escape)

Json = dict[str, Any]


class TimeUpError(BaseException):
    """Not an Exception, so that nothing inside Jinja2 can swallow it."""


class OutputTooLargeError(Exception):
    """The rendered text passed the limit while the template was at ``line``."""

    def __init__(self, line: int | None) -> None:
        super().__init__()
        self.line = line


class MissingNameError(UndefinedError):
    """A name or a field that is not there, with what is needed to say so well."""

    def __init__(self, message: str | None, *, name: object, owner: object) -> None:
        super().__init__(message)
        self.name = str(name)
        self.owner = "" if owner is missing else type(owner).__name__
        self.known = sorted(map(str, owner)) if isinstance(owner, Mapping) else []


class Missing(StrictUndefined):
    """Fails at any use, and remembers what was asked of what."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: object = missing,
        name: str | None = None,
        exc: type[TemplateRuntimeError] = UndefinedError,
    ) -> None:
        if exc is UndefinedError:
            exc = cast("type[UndefinedError]", partial(MissingNameError, name=name, owner=obj))
        super().__init__(hint, obj, name, exc)

    def __repr__(self) -> str:
        # A list that holds something missing must not be printed either.
        return str(self)


def environment() -> ImmutableSandboxedEnvironment:
    """The sandbox: no loader, few filters, two globals, and tags that leave no blank lines behind."""
    env = ImmutableSandboxedEnvironment(
        undefined=Missing, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    env.filters = {name: function for name, function in env.filters.items() if name in FILTERS}
    env.globals = {name: value for name, value in env.globals.items() if name in GLOBALS}
    return env


class Renderer:
    """Holds the one template that was loaded, and answers requests about it."""

    def __init__(self, *, output_bytes: int) -> None:
        self._env = environment()
        self._output_bytes = output_bytes
        self._template: Template | None = None
        self._variables = "{}"

    def answer(self, request: Json) -> Json:
        """Do what ``request["do"]`` says: ``check``, ``load`` or ``render``."""
        if request["do"] == "check":
            return {"problems": self._problems(request["content"], request["names"])}
        if request["do"] == "load":
            self._variables = request["variables"]
            problems = self._problems(request["content"], None)
            if not problems:
                self._template = self._env.from_string(request["content"])
            return {"problems": problems}
        return {"text": self._render(request["device"])}

    def _render(self, device: Json) -> str:
        if self._template is None:
            raise TemplateRuntimeError("no template is loaded")
        # Parsed anew for each device, so that no device can see what another one left behind.
        context = self._template.new_context(json.loads(self._variables) | {"device": device})
        stream = cast("GeneratorType[str, None, None]", self._template.root_render_func(context))
        parts, left = [], self._output_bytes
        for part in stream:
            left -= len(part) if len(part) > left else len(part.encode(errors="surrogatepass"))
            if left < 0:
                at = stream.gi_frame
                raise OutputTooLargeError(self._template.get_corresponding_lineno(at.f_lineno) if at else None)
            parts.append(part)
        return "".join(parts)

    def _problems(self, content: str, names: list[str] | None) -> list[Json]:
        tree = self._env.parse(content)
        problems = [
            {
                "kind": "forbidden",
                "line": node.lineno,
                "detail": f"load another template ({type(node).__name__})",
            }
            for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends))
        ]
        undeclared = jinja2.meta.find_undeclared_variables(tree) - GLOBALS
        if names is not None:
            for name in sorted(undeclared - set(names) - _guarded(tree)):
                line = min(node.lineno for node in tree.find_all(nodes.Name) if node.name == name)
                problems.append({"kind": "undefined", "line": line, "name": name, "known": sorted(names)})
        return sorted(problems, key=lambda problem: int(problem["line"]))


def _guarded(tree: nodes.Template) -> set[str]:
    """Names whose absence the template itself provides for: ``x is defined``, ``x | default(…)``."""
    tests = [test.node for test in tree.find_all(nodes.Test) if test.name in {"defined", "undefined"}]
    filters = [found.node for found in tree.find_all(nodes.Filter) if found.name in {"default", "d"}]
    return {node.name for node in (*tests, *filters) if isinstance(node, nodes.Name)}


def problem(error: BaseException) -> Json:
    """What went wrong, in parts; the parent makes the sentence."""
    line = error.line if isinstance(error, OutputTooLargeError) else template_line(error.__traceback__)
    if isinstance(error, TemplateSyntaxError):
        return {"kind": "syntax", "line": error.lineno, "detail": error.message or ""}
    if isinstance(error, MissingNameError):
        return {
            "kind": "undefined", "line": line, "name": error.name, "owner": error.owner, "known": error.known
        }  # fmt: skip
    if isinstance(error, RecursionError):
        return {"kind": "runtime", "line": line, "detail": "it nests or calls itself too deeply"}
    for kind, classes in (
        ("forbidden", SecurityError),
        ("timeout", TimeUpError),
        ("memory", MemoryError),
        ("output", OutputTooLargeError),
    ):
        if isinstance(error, classes):
            return {"kind": kind, "line": line, "detail": str(error)[:300]}
    return {"kind": "runtime", "line": line, "detail": f"{error} ({type(error).__name__})"[:300]}


def template_line(traceback: TracebackType | None) -> int | None:
    """The innermost line of the template that was at work, found through the code that Jinja2 made of it."""
    line = None
    while traceback is not None:
        template = traceback.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            line = template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return line


def warm_up() -> None:
    """Use every part once, so that whatever Python loads late is loaded before files cannot be opened."""
    renderer = Renderer(output_bytes=1000)
    content = "{% for name in names %}{{ name | upper }}\n{{ '\\t' }}{% endfor %}"
    renderer.answer({"do": "load", "variables": '{"names": ["a"]}', "content": content})
    renderer.answer({"do": "render", "device": {}})
    for content in ("{{ nothing }}", "{{ ''.__class__ }}", "{{ 1 / 0 }}", "{% if %}", "{{ 1|nothing }}"):
        attempt(renderer, {"do": "load", "variables": "{}", "content": content})
        attempt(renderer, {"do": "render", "device": {}})
    json.dumps({"text": "é\n"}, ensure_ascii=False).encode()


def attempt(renderer: Renderer, request: Json) -> Json:
    """One request, whatever it does: an error is an answer."""
    try:
        return renderer.answer(request)
    except (Exception, TimeUpError) as error:  # noqa: BLE001 - the outermost frame; the author is told
        return {"problems": [problem(error)]}


def lock_down(memory_bytes: int) -> None:
    """Give up rights for good: no new or growing files, no processes, no core dumps, bounded memory."""
    if os.geteuid() == 0:
        # Limits on processes do not hold for root. In a container that maps no such user, the rest must do.
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_TOTAL_S, CPU_TOTAL_S))


def bounded(renderer: Renderer, request: Json, limits: Json) -> Json:
    """One request under the timer and the kernel's CPU limit."""
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + math.ceil(limits["cpu_s"]), CPU_TOTAL_S))
    try:
        signal.setitimer(signal.ITIMER_REAL, limits["wall_s"])
        try:
            return attempt(renderer, request)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except TimeUpError as error:  # the timer rang between the two frames
        return {"problems": [problem(error)]}


def _time_up(_signal: int, _frame: FrameType | None) -> Never:
    raise TimeUpError


def main() -> None:
    """Serve requests from standard input until it ends."""
    limits: Json = json.loads(sys.argv[1])
    signal.signal(signal.SIGALRM, _time_up)
    warm_up()
    lock_down(limits["memory_bytes"])
    renderer = Renderer(output_bytes=limits["output_bytes"])
    replies, requests = sys.stdout.buffer, sys.stdin.buffer
    replies.write(b'{"ready": true}\n')
    replies.flush()
    for line in iter(requests.readline, b""):
        reply = bounded(renderer, json.loads(line), limits)
        replies.write(json.dumps(reply).encode() + b"\n")
        replies.flush()


if __name__ == "__main__":
    main()

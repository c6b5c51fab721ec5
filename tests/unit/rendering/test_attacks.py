"""Templates that want out, or want everything: nothing but their own device's rendering may suffer."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from changes.rendering import DEFAULT_LIMITS, ProblemKind, RenderLimits, RenderResult, render_batch, render_one
from changes.rendering.batch import MAX_OVERRUNS
from changes.rendering.process import ChildLostError, RenderProcess

QUICK = RenderLimits(wall_s=0.5, cpu_s=5)
KINDS = ProblemKind

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ ['x'] | map(attribute='__class__') | list }}",
    "{{ ['x'] | sort(attribute='__class__.__name__') }}",
    "{{ ['x'] | sum(attribute='__class__') }}",
    "{{ ['x'] | groupby('__class__') }}",
    "{{ '{0.__class__}'.format('x') }}",
    "{{ '{x.__class__}'.format_map({'x': 'x'}) }}",
    "{{ '%s' | format(''.__class__) }}",
    "{{ range.__init__ }}",
    "{{ range.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ namespace(a=1).__class__ }}",
    "{{ loop.__class__ }}",
    "{% for x in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{% macro m() %}{% endmacro %}{{ m.__call__.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m._func }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{% set x = namespace() %}{% set x.__class__ = 1 %}{{ x.__class__ }}",
    "{{ device.__class__ }}",
    "{{ device.update({'name': 'x'}) }}",
    "{{ device.pop('name') }}",
    "{{ servers.append('x') }}",
    "{{ servers.clear() }}",
    "{{ (1).__class__.__base__ }}",
    "{{ [].__class__ }}",
    "{{ ().__class__.__bases__ }}",
    "{{ config.items() }}",
    "{{ request.application }}",
    "{{ cycler.__init__.__globals__.os.system('id') }}",
    "{{ lipsum.__globals__ }}",
    "{{ joiner.__init__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ ''|attr('__class__') }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os.system('id') }}",
    "{{ caller.__class__ }}",
    "{{ varargs }}",
    "{{ range(3).__class__ }}",
    "{% set f = ''.format %}{{ f.__self__ }}",
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RenderProcess]:
    with RenderProcess(DEFAULT_LIMITS) as process:
        yield process


@pytest.mark.parametrize("content", ESCAPES)
def test_no_way_out_of_the_sandbox(content: str, sandbox: RenderProcess) -> None:
    reply = sandbox.ask({"do": "load", "content": content, "variables": '{"servers": ["a"]}'})
    if not reply["problems"]:
        reply = sandbox.ask({"do": "render", "device": {"name": "sw"}})
    assert "text" not in reply
    assert reply["problems"][0]["kind"] in {KINDS.FORBIDDEN, KINDS.UNDEFINED, KINDS.SYNTAX, KINDS.RUNTIME}


@pytest.mark.parametrize(
    ("attack", "kinds"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", {KINDS.TIMEOUT}),
        ("{{ 'x' * 10 ** (device.n + 9) }}", {KINDS.MEMORY}),
        ("{{ ('x' * 1000) | center(10 ** (device.n + 9)) }}", {KINDS.MEMORY}),
        ("{{ '%0*d' % (10 ** (device.n + 8), 1) }}", {KINDS.MEMORY}),
        (
            "{% set ns = namespace(a='x') %}{% for i in range(60) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}",
            {KINDS.MEMORY},
        ),
        (
            "{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
            {KINDS.MEMORY},
        ),
        (
            "{% set ns = namespace(a=1) %}{% for i in range(40) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}",
            {KINDS.MEMORY, KINDS.TIMEOUT},
        ),
        ("{{ range(10 ** (device.n + 9)) | list }}", {KINDS.RUNTIME}),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", {KINDS.RUNTIME}),
        ("{% for i in range(99999) %}{{ 'x' * 1000 }}\n{% endfor %}", {KINDS.OUTPUT}),
        ("{{ 'x' * 10 ** (device.n + 6) }}{{ 'y' * 10 ** (device.n + 6) }}", {KINDS.OUTPUT}),
        ("{{ ('x' * (device.n + 2000)) | wordwrap(1) | replace('x', 'y' * 100000) }}", {KINDS.OUTPUT, KINDS.MEMORY}),
        ("{{ (10 ** (device.n + 5000)) | string }}", {KINDS.RUNTIME}),
        ("{{ [device] | map('default', 1) | batch(10 ** (device.n + 9), 0) | list }}", {KINDS.MEMORY, KINDS.TIMEOUT}),
    ],
)
def test_one_device_that_wants_everything_fails_alone(attack: str, kinds: set[ProblemKind]) -> None:
    content = "{% if device.n == 1 %}" + attack + "{% else %}hostname {{ device.n }}{% endif %}"
    limits = QUICK if KINDS.TIMEOUT in kinds else RenderLimits(wall_s=20, cpu_s=20)
    results = list(render_batch(content, {}, [{"n": n} for n in range(3)], limits=limits))
    assert [result.lines for result in results] == [("hostname 0",), (), ("hostname 2",)]
    found = results[1].error
    assert found is not None
    assert found.kind in kinds
    assert found.line == 1
    assert str(found).endswith((".", "?"))


# Two equal trees of forty levels: comparing them takes 2 ** 40 steps inside one instruction of the interpreter.
UNINTERRUPTIBLE = (
    "{% set ns = namespace(a=[1], b=[1]) %}"
    "{% for i in range(40) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}"
    "{{ ns.a == ns.b }}"
)


def test_a_rendering_that_python_cannot_interrupt_is_stopped_by_the_parents_clock() -> None:
    began = time.monotonic()
    result = render_one(UNINTERRUPTIBLE, {}, {"n": 1}, limits=QUICK)
    assert str(result.error) == "It took more than 0.5 s and was stopped. Is a loop too large?"
    assert 1 < time.monotonic() - began < 5


def test_a_rendering_that_python_cannot_interrupt_is_stopped_by_the_cpu_limit() -> None:
    limits = RenderLimits(wall_s=30, cpu_s=1)
    result = render_one(UNINTERRUPTIBLE, {}, {"n": 1}, limits=limits)
    assert str(result.error) == "It took more than 1 s of CPU time and was stopped. Is a loop too large?"


def test_a_template_that_overruns_on_every_device_is_given_up() -> None:
    began = time.monotonic()
    results = list(render_batch("{{ 'x' * 10 ** (device.n + 9) }}", {}, [{"n": n % 2} for n in range(200)]))
    assert {result.error.kind for result in results if result.error} == {KINDS.MEMORY}
    assert len(results) == 200
    assert time.monotonic() - began < 5


def test_overruns_that_are_not_in_a_row_do_not_give_a_template_up() -> None:
    content = "{% if device.n % 2 %}{{ 'x' * 10 ** (device.n + 9) }}{% endif %}hostname {{ device.n }}"
    results = list(render_batch(content, {}, [{"n": n} for n in range(4 * MAX_OVERRUNS)]))
    assert [bool(result.lines) for result in results] == [True, False] * 2 * MAX_OVERRUNS


def test_a_template_that_explodes_while_it_is_read_is_tried_once() -> None:
    began = time.monotonic()
    results = list(render_batch("{{ (7 ** 30000000) % 3 }}", {}, [{"n": n} for n in range(20)], limits=QUICK))
    assert {result.error.kind for result in results if result.error} == {KINDS.TIMEOUT}
    assert len(results) == 20
    assert time.monotonic() - began < 5


def test_text_is_limited_by_its_bytes() -> None:
    limits = RenderLimits(output_bytes=1000)
    assert render_one("{{ 'é' * n }}", {"n": 500}, {}, limits=limits).lines == ("é" * 500,)
    too_much = render_one("{{ 'é' * n }}", {"n": 501}, {}, limits=limits)
    assert str(too_much.error) == "Line 1: it gives more than 1,000 bytes of text. Does a loop go on too long?"


def test_the_largest_allowed_text_arrives_whole() -> None:
    content = "{{ ('x' * 99 ~ '\n') * n }}"
    count = DEFAULT_LIMITS.output_bytes // 100
    assert len(render_one(content, {"n": count}, {}).lines) == count


# The process itself


@pytest.fixture
def process() -> Iterator[RenderProcess]:
    with RenderProcess(QUICK) as process:
        yield process


def limits_of(pid: int) -> dict[str, str]:
    rows = Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines()[1:]
    return {row[:26].strip(): row[26:47].strip() for row in rows}


def test_the_process_has_given_up_its_rights(process: RenderProcess) -> None:
    limits = limits_of(process._process.pid)
    assert limits["Max open files"] == "3"
    assert limits["Max processes"] == "0"
    assert limits["Max file size"] == "0"
    assert limits["Max core file size"] == "0"
    assert limits["Max address space"] == str(QUICK.memory_bytes)


def test_the_process_has_no_environment_and_no_other_files(process: RenderProcess) -> None:
    folder = Path(f"/proc/{process._process.pid}")
    if os.access(folder / "environ", os.R_OK):
        assert (folder / "environ").read_bytes().strip(b"\0") == b""
    assert sorted(path.name for path in (folder / "fd").iterdir()) == ["0", "1", "2"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a user to drop")
def test_the_process_is_nobody_when_started_by_root(process: RenderProcess) -> None:
    status = Path(f"/proc/{process._process.pid}/status").read_text(encoding="ascii")
    assert "Uid:\t65534\t65534\t65534\t65534" in status


def test_a_killed_process_costs_one_device_and_no_more() -> None:
    # The second device's turn comes while its process is being killed: by the machine running out of memory, say.
    results: list[RenderResult] = []
    others = children()
    batch = render_batch("{{ device.n }}", {}, ({"n": n} for n in range(3)))
    results.append(next(batch))
    [child] = children() - others
    os.kill(child, signal.SIGKILL)
    results += batch
    assert [result.lines for result in results] == [("0",), (), ("2",)]
    assert str(results[1].error) == "Rendering ended early (SIGKILL). Simplify the template."


def children() -> set[int]:
    listed = [path.read_text(encoding="ascii").split() for path in Path("/proc/self/task").glob("*/children")]
    pids = {int(pid) for pids in listed for pid in pids}
    return {pid for pid in pids if b"child.py" in Path(f"/proc/{pid}/cmdline").read_bytes()}


def test_nothing_is_left_running() -> None:
    others = children()
    render_one("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", {}, {}, limits=QUICK)
    assert children() == others


def test_the_process_ends_by_itself_when_its_parent_is_gone() -> None:
    process = RenderProcess(QUICK)
    stdin = process._process.stdin
    assert stdin is not None
    stdin.close()
    assert process._process.wait(timeout=5) == 0
    process.close()


def test_a_process_that_was_stopped_says_so_when_asked_again(process: RenderProcess) -> None:
    os.kill(process._process.pid, signal.SIGKILL)
    with pytest.raises(ChildLostError) as lost:
        process.ask({"do": "check", "content": "x" * 10_000_000, "names": None})
    assert lost.value.kind is KINDS.CRASHED

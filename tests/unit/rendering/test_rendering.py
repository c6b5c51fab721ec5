"""Templates through the real rendering process."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from changes.rendering import (
    ProblemKind,
    RenderLimits,
    RenderResult,
    TemplateError,
    batch,
    render_batch,
    render_one,
)
from changes.rendering.process import RenderProcess

DEVICE = {
    "name": "sw-fra-01",
    "hostname": "sw-fra-01",
    "site": "FRA",
    "role": "access",
    "platform": "cisco_ios",
    "address": "192.0.2.11",
    "serial": "FOC1",
    "model": "C9300",
    "tags": ["ntp", "floor-2"],
}


def lines(content: str, variables: Mapping[str, object] | None = None, **device: object) -> tuple[str, ...]:
    result = render_one(content, variables or {}, DEVICE | device)
    assert result.error is None, str(result.error)
    return result.lines


def error(content: str, variables: Mapping[str, object] | None = None) -> TemplateError:
    result = render_one(content, variables or {}, DEVICE)
    assert result.error is not None
    assert result.lines == ()
    return result.error


def test_variables_and_the_device_are_seen_by_their_names() -> None:
    content = (
        "{# comment #}\n"
        "hostname {{ device.hostname }}\n"
        "{% for server in servers %}\n"
        "ntp server {{ server }}{{ ' prefer' if loop.first }}\n"
        "{% endfor %}\n"
        "{% if 'floor-2' in device.tags and secure %}\n"
        "  no ip http server\n"
        "{% endif %}\n"
    )
    assert lines(content, {"servers": ["192.0.2.1", "192.0.2.2"], "secure": True}) == (
        "hostname sw-fra-01",
        "ntp server 192.0.2.1 prefer",
        "ntp server 192.0.2.2",
        "  no ip http server",
    )


def test_plain_configuration_text_is_a_template_too() -> None:
    assert lines("interface Gi0/1\n description up & running <é>\n") == (
        "interface Gi0/1",
        " description up & running <é>",
    )


def test_values_are_not_rendered_a_second_time() -> None:
    assert lines("description {{ text }}", {"text": "{{ device.serial }}"}) == ("description {{ device.serial }}",)


def test_whole_numbers_and_truth_keep_their_kind() -> None:
    content = "vlan {{ vlan + 1 }}\n{{ 'on' if flag is true else 'off' }}\n{{ numbers | sum }}"
    assert lines(content, {"vlan": 9, "flag": True, "numbers": [1, 2]}) == ("vlan 10", "on", "3")


def test_macros_sets_namespaces_and_ranges_work() -> None:
    content = (
        "{% macro port(n) %}interface Gi0/{{ n }}{% endmacro %}\n"
        "{% set ns = namespace(total=0) %}\n"
        "{% for n in range(1, 3) %}{{ port(n) }}\n{% set ns.total = ns.total + n %}{% endfor %}\n"
        "description {{ ns.total }}"
    )
    assert lines(content) == ("interface Gi0/1", "interface Gi0/2", "description 3")


# What goes wrong, and what its author reads


@pytest.mark.parametrize(
    ("content", "kind", "line", "sentence"),
    [
        (
            "ok\nntp server {{ serwer }}",
            ProblemKind.UNDEFINED,
            2,
            'Line 2: there is no variable "serwer". Did you mean "server"? Known here: device, server.',
        ),
        (
            "\n\n{{ (device.tags | groupby('x'))[0] or {'vlan': 1}.vlans }}",
            ProblemKind.UNDEFINED,
            3,
            'Line 3: a str has no "x".',
        ),
        (
            "\n\n{{ {'vlan': 1}.vlans }}",
            ProblemKind.UNDEFINED,
            3,
            'Line 3: there is no field "vlans" in this object. Did you mean "vlan"? Known here: vlan.',
        ),
        ("{{ device.tags[7] }}", ProblemKind.UNDEFINED, 1, 'Line 1: a list has no "7".'),
        ("{{ server.port }}", ProblemKind.UNDEFINED, 1, 'Line 1: a str has no "port".'),
        (
            "{{ other() }}",
            ProblemKind.UNDEFINED,
            1,
            'Line 1: there is no variable "other". Known here: device, server.',
        ),
        (
            "ok\n{% if server %}\nntp",
            ProblemKind.SYNTAX,
            3,
            None,
        ),
        ("ok\n{{ server }", ProblemKind.SYNTAX, 2, "Line 2: the template cannot be read: unexpected '}'."),
        (
            "{{ server | shout }}",
            ProblemKind.SYNTAX,
            1,
            "Line 1: the template cannot be read: No filter named 'shout'.",
        ),
        ("ok\n{{ 1 / 0 }}", ProblemKind.RUNTIME, 2, None),
        ("{{ server + 1 }}", ProblemKind.RUNTIME, 1, None),
        ("a\n{% for x in 5 %}{% endfor %}", ProblemKind.RUNTIME, 2, None),
        (
            "{% include 'other' %}",
            ProblemKind.FORBIDDEN,
            1,
            "Line 1: a template may not do this: load another template (Include).",
        ),
        ("\n{% import 'other' as x %}", ProblemKind.FORBIDDEN, 2, None),
        ("{% from 'other' import x %}", ProblemKind.FORBIDDEN, 1, None),
        ("{% extends 'other' %}", ProblemKind.FORBIDDEN, 1, None),
        (
            "ok\n{{ 'a\\tb' }}",
            ProblemKind.CHARACTER,
            2,
            'Rendered line 2: it holds a tab, which a device takes as "complete this word"; use spaces.',
        ),
        ("{{ 'a\\rreload' }}", ProblemKind.CHARACTER, 1, None),
        ("{{ '\\x03' }}", ProblemKind.CHARACTER, 1, None),
        ("{{ '\\u202e' }}", ProblemKind.CHARACTER, 1, None),
        ("{{ '\\ud800' }}", ProblemKind.CHARACTER, 1, None),
    ],
)
def test_an_error_names_the_line_and_the_way_out(
    content: str, kind: ProblemKind, line: int, sentence: str | None
) -> None:
    found = error(content, {"server": "192.0.2.1"})
    assert (found.kind, found.line, found.code) == (kind, line, "TEMPLATE_ERROR")
    assert str(found).endswith(".")
    if sentence is not None:
        assert str(found) == sentence


def test_an_error_inside_a_macro_has_the_macros_line() -> None:
    assert error("{% macro m() %}\n{{ nothing }}\n{% endmacro %}\n\n{{ m() }}").line == 2


def test_the_unknown_name_is_there_for_programs() -> None:
    found = error("{{ serwer }}", {"server": 1})
    assert (found.name, found.known) == ("serwer", ("device", "server"))


# Many devices, one process


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[RenderProcess]:
    """Every rendering process that a batch starts."""
    processes: list[RenderProcess] = []

    class Counted(RenderProcess):
        def __init__(self, limits: RenderLimits) -> None:
            super().__init__(limits)
            processes.append(self)

    monkeypatch.setattr(batch, "RenderProcess", Counted)
    return processes


def devices(count: int) -> Iterator[dict[str, object]]:
    return ({**DEVICE, "name": f"sw-{number}", "number": number} for number in range(count))


def test_hundreds_of_devices_go_through_one_process_in_order(started: list[RenderProcess]) -> None:
    results = list(render_batch("hostname {{ device.name }}", {}, devices(500)))
    assert [result.lines for result in results] == [(f"hostname sw-{number}",) for number in range(500)]
    assert [result.index for result in results] == list(range(500))
    assert len(started) == 1
    assert started[0]._process.returncode is not None


def test_one_devices_failure_is_its_own(started: list[RenderProcess]) -> None:
    content = "{{ 10 // device.number }}\n{% if device.number == 3 %}{{ device.nothing }}{% endif %}"
    results = list(render_batch(content, {}, devices(5)))
    assert [result.error.kind if result.error else None for result in results] == [
        ProblemKind.RUNTIME,
        None,
        None,
        ProblemKind.UNDEFINED,
        None,
    ]
    assert len(started) == 1


@pytest.mark.parametrize(
    "overrun", ["{{ 'x' * 10 ** (device.number + 9) }}", "{{ 'x' * 10 ** (device.number + 6) }}" * 2]
)
def test_after_an_overrun_the_next_device_has_a_fresh_process(overrun: str, started: list[RenderProcess]) -> None:
    results = list(render_batch("{% if device.number == 1 %}" + overrun + "{% endif %}hostname x", {}, devices(4)))
    assert [bool(result.error) for result in results] == [False, True, False, False]
    assert len(started) == 2
    assert all(process._process.returncode is not None for process in started)


def test_devices_are_taken_one_at_a_time() -> None:
    taken = []

    def source() -> Iterator[dict[str, object]]:
        for device in devices(100):
            taken.append(device)
            yield device

    results = render_batch("{{ device.number }}", {}, source())
    next(results)
    next(results)
    assert len(taken) == 2
    results.close()


def test_an_iterator_that_is_closed_early_ends_its_process(started: list[RenderProcess]) -> None:
    results = render_batch("{{ device.number }}", {}, devices(100))
    next(results)
    assert started[0]._process.poll() is None
    results.close()
    assert started[0]._process.returncode is not None


def test_no_devices_need_no_process(started: list[RenderProcess]) -> None:
    assert list(render_batch("anything", {}, [])) == []
    assert started == []


def test_a_broken_template_is_told_for_every_device_and_tried_once(started: list[RenderProcess]) -> None:
    results = list(render_batch("{% if %}", {}, devices(50)))
    assert {str(result.error) for result in results} == {str(results[0].error)}
    assert results[0].error is not None
    assert results[0].error.kind is ProblemKind.SYNTAX
    assert len(results) == 50
    assert len(started) == 1


def test_one_device_leaves_nothing_behind_for_the_next() -> None:
    content = "{% set seen = seen | default('nobody') %}{{ seen }}{% set seen = device.name %}"
    assert [result.lines for result in render_batch(content, {}, devices(3))] == [("nobody",)] * 3


def test_several_threads_render_at_once() -> None:
    def work(number: int) -> list[RenderResult]:
        return list(render_batch("{{ mine }} {{ device.number }}", {"mine": number}, devices(20)))

    with ThreadPoolExecutor(4) as pool:
        for number, results in enumerate(pool.map(work, range(4))):
            assert [result.lines for result in results] == [(f"{number} {at}",) for at in range(20)]


class Model:
    """Stands for anything that is not plain data."""

    def delete(self) -> None:
        raise AssertionError("a template reached an object")


@pytest.mark.parametrize("where", ["device", "variable"])
def test_only_plain_data_reaches_a_template(where: str, started: list[RenderProcess]) -> None:
    variables = {"thing": Model()} if where == "variable" else {}
    device = {**DEVICE, "thing": Model()} if where == "device" else DEVICE
    with pytest.raises(TypeError, match="Model is not JSON serializable"):
        render_one("{{ thing.delete() }}{{ device.thing.delete() }}", variables, device)
    assert all(process._process.returncode is not None for process in started)

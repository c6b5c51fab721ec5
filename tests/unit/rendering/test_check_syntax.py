import pytest

from changes.rendering import ProblemKind, RenderLimits, check_syntax


def told(content: str, *names: str) -> list[tuple[int | None, str]]:
    return [(problem.line, str(problem)) for problem in check_syntax(content, names)]


@pytest.mark.parametrize(
    "content",
    [
        "ntp server {{ server }}",
        "{{ device.name }}",
        "{% for s in server %}{{ s }}{{ loop.index }}{% endfor %}",
        "{% set x = 1 %}{{ x }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}",
        "{% for n in range(3) %}{{ n }}{% endfor %}{% set ns = namespace(a=1) %}",
        "{% if extra is defined %}{{ extra }}{% endif %}",
        "{{ extra | default('none') }}",
        "no template at all",
    ],
)
def test_a_good_template_has_no_problems(content: str) -> None:
    assert check_syntax(content, ["server"]) == ()


def test_unknown_names_are_told_with_their_lines_and_all_at_once() -> None:
    assert told("{{ serwer }}\n{% if vlan > 1 %}\n{{ vlan }}\n{% endif %}\n{{ serwer }}", "server") == [
        (1, 'Line 1: there is no variable "serwer". Did you mean "server"? Known here: device, server.'),
        (2, 'Line 2: there is no variable "vlan". Known here: device, server.'),
    ]


def test_without_names_only_the_syntax_is_judged() -> None:
    assert check_syntax("{{ anything }}") == ()
    assert [problem.kind for problem in check_syntax("{{ anything }")] == [ProblemKind.SYNTAX]


def test_a_syntax_error_has_its_line() -> None:
    assert told("a\nb\n{% endfor %}") == [
        (
            3,
            "Line 3: the template cannot be read: Encountered unknown tag 'endfor'.",
        )
    ]


@pytest.mark.parametrize("tag", ["include 'x'", "import 'x' as y", "from 'x' import y", "extends 'x'"])
def test_other_templates_cannot_be_loaded(tag: str) -> None:
    problems = check_syntax("\n{% " + tag + " %}", ["y"])
    assert [(problem.kind, problem.line) for problem in problems] == [(ProblemKind.FORBIDDEN, 2)]


@pytest.mark.parametrize("name", ["random", "pprint", "attr", "urlize", "tojson", "xmlattr", "safe"])
def test_filters_that_no_configuration_needs_do_not_exist(name: str) -> None:
    [problem] = check_syntax("{{ 1 | " + name + " }}", [])
    assert (problem.kind, problem.line) == (ProblemKind.SYNTAX, 1)
    assert f"No filter named '{name}'" in str(problem)


@pytest.mark.parametrize("name", ["dict", "lipsum", "cycler", "joiner", "__import__", "open", "exec"])
def test_globals_that_no_configuration_needs_do_not_exist(name: str) -> None:
    [problem] = check_syntax("{{ " + name + "() }}", [])
    assert f'there is no variable "{name}"' in str(problem)


def test_a_template_that_is_huge_to_compile_is_stopped() -> None:
    limits = RenderLimits(wall_s=1, cpu_s=1)
    problems = check_syntax("{{ 'x' * 10 ** 10 }}" * 10_000 + "{{" + "(" * 40_000 + "1" + ")" * 40_000, limits=limits)
    assert len(problems) == 1
    assert problems[0].kind in {ProblemKind.TIMEOUT, ProblemKind.MEMORY, ProblemKind.RUNTIME, ProblemKind.SYNTAX}

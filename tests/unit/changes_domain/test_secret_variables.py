"""A variable is secret where a template puts it in a secret's place, whatever it is called."""

from __future__ import annotations

import pytest

from changes.domain.secret_variables import secret_variables


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        ("snmp-server community {{ shared }} RO\nntp server {{ host }}\n", {"shared"}),
        ("neighbor {{ host }} password 7 {{ shared|upper }}\n", {"shared"}),
        ("{% for each in shared %}key-string {{ each }}\n{% endfor %}", {"shared"}),
        ("{% set a = shared %}{% set b = a %}vtp password {{ b }}\n", {"shared"}),
        ("{% if host %}username x secret 0 {{ shared }}{% endif %}\n", {"shared"}),
        ("description the password is {{ host }}\n", set()),
        ("ntp server {{ host }}\nhostname {{ shared }}\n", set()),
        ("", set()),
    ],
)
def test_what_stands_in_a_secrets_place_is_secret(content: str, secret: set[str]) -> None:
    assert secret_variables(content, ["host", "shared"]) == secret


def test_a_telling_name_is_enough() -> None:
    assert secret_variables("ntp server {{ x }}", ["api_token", "x"]) == {"api_token"}

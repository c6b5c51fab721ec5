import pytest
from django.http import QueryDict

from changes.domain.errors import InvalidInputError
from portal.views.strictness import asked_for

KNOWN = ("site", "role", "before")


def test_values_are_stripped_and_empty_ones_ask_for_nothing() -> None:
    assert asked_for(QueryDict("site=+FRA+&role="), KNOWN) == {"site": ["FRA"]}


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInputError) as caught:
        asked_for(QueryDict("sit=FRA"), KNOWN)
    assert 'There is no filter "sit". Did you mean "site"? Allowed: before, role, site.' in str(caught.value)


def test_value_given_twice_is_refused_unless_it_may_be() -> None:
    with pytest.raises(InvalidInputError, match="given 2 times"):
        asked_for(QueryDict("site=FRA&site=MUC"), KNOWN)
    assert asked_for(QueryDict("site=FRA&site=MUC"), KNOWN, several=["site"]) == {"site": ["FRA", "MUC"]}


def test_too_many_values_are_refused() -> None:
    query = QueryDict("&".join(f"site={number}" for number in range(101)))
    with pytest.raises(InvalidInputError, match="at most 100 times"):
        asked_for(query, KNOWN, several=["site"])


@pytest.mark.parametrize(
    ("value", "about"), [("x" * 201, "longer than 200"), ("a%00b", "NUL"), ("a%E2%80%AEb", "U+202E")]
)
def test_values_that_nothing_can_have_are_refused(value: str, about: str) -> None:
    with pytest.raises(InvalidInputError, match=about.replace("+", r"\+")):
        asked_for(QueryDict(f"site={value}"), KNOWN)

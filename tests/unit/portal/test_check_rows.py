import pytest
from django.http import QueryDict

from changes.domain.checks import MAX_CHECKS, parse_checks
from portal.forms.checks import CheckRow, CheckRows

FILLED = {"name": "NTP", "command": "show ntp associations", "expect": "contains", "value": "10.0.0.1", "timeout_s": 20}


def sent(kind: str, *rows: dict[str, object], count: str = "") -> QueryDict:
    data = QueryDict(mutable=True)
    data[f"{kind}-count"] = count or str(len(rows))
    for number, row in enumerate(rows):
        for name, value in row.items():
            data[f"{kind}-{number}-{name}"] = str(value)
    return data


def test_rows_become_what_the_domain_parses() -> None:
    rows = CheckRows.read(sent("post", FILLED), "post")
    [check] = parse_checks(rows.body())
    assert check.to_json() == FILLED


def test_blank_rows_are_left_out_and_the_others_keep_their_numbers() -> None:
    rows = CheckRows.read(sent("pre", {}, FILLED, {"timeout_s": "30"}, FILLED), "pre")
    assert len(rows.body()) == 2
    assert [rows.number_of(0), rows.number_of(1)] == [1, 3]


def test_stored_checks_come_back_unchanged() -> None:
    assert CheckRows.of([FILLED, FILLED], "pre").body() == [FILLED, FILLED]


def test_only_the_post_checks_begin_with_an_empty_row() -> None:
    assert CheckRows.of([], "pre").rows == ()
    assert CheckRows.of(None, "post").rows == (CheckRow(),)


def test_time_that_is_no_number_is_left_to_the_domain() -> None:
    rows = CheckRows.read(sent("post", {**FILLED, "timeout_s": "soon"}), "post")
    assert rows.body()[0]["timeout_s"] == "soon"


def test_time_that_is_left_empty_takes_the_default() -> None:
    [check] = parse_checks(CheckRows.read(sent("post", {**FILLED, "timeout_s": ""}), "post").body())
    assert check.timeout_s == 30


def test_rows_are_added_up_to_the_limit_and_removed_by_number() -> None:
    rows = CheckRows.of([FILLED], "post").added()
    assert len(rows.rows) == 2
    assert rows.without(0).rows == (CheckRow(),)
    full = CheckRows("post", (CheckRow(),) * MAX_CHECKS)
    assert full.full
    assert full.added() is full


@pytest.mark.parametrize("count", ["", "-1", "x", "99999999", "1e3"])
def test_a_count_that_is_none_gives_no_rows(count: str) -> None:
    data = sent("post", FILLED)
    data["post-count"] = count
    assert CheckRows.read(data, "post").rows == ()


def test_a_count_beyond_the_limit_makes_no_endless_list() -> None:
    assert len(CheckRows.read(sent("post", count="99999"), "post").rows) == MAX_CHECKS + 1


def test_sentences_stand_at_their_field() -> None:
    rows = CheckRows.of([FILLED, FILLED], "post").blamed(1, "command", "No.").blamed(1, "command", "Really not.")
    assert rows.rows[0].errors == {}
    assert rows.rows[1].errors == {"command": ["No.", "Really not."]}


STRUCTURED = {
    **FILLED,
    "expect": "not_fewer_than_before",
    "value": "",
    "parser": "json",
    "select": "$.peers[*]",
    "hold_s": 10,
}


def test_fields_that_are_folded_away_come_back_unchanged_and_open() -> None:
    [row] = CheckRows.of([STRUCTURED], "post").rows
    assert row.says_more
    [check] = parse_checks([row.body()])
    assert check.to_json() == STRUCTURED
    assert not CheckRows.of([FILLED], "post").rows[0].says_more


def test_a_sentence_about_a_folded_field_opens_the_row() -> None:
    rows = CheckRows.of([FILLED], "post").blamed(0, "template", "No.")
    assert rows.rows[0].says_more


def test_before_the_change_no_comparison_can_be_chosen() -> None:
    assert "not_fewer_than_before" in dict(CheckRows("post").expectations)
    assert "not_fewer_than_before" not in dict(CheckRows("pre").expectations)
    keys = {key for _label, entries in CheckRows("pre").library for key, _name in entries}
    assert "frr-daemons-up" in keys
    assert "frr-bgp-not-fewer" not in keys


def test_a_check_of_the_library_takes_the_place_of_an_empty_row() -> None:
    rows = CheckRows.of([], "post").with_library("frr-bgp-not-fewer")
    [check] = parse_checks(rows.body())
    assert (check.parser, check.hold_s) == ("json", 10)
    assert len(rows.with_library("frr-daemons-up").rows) == 2


def test_a_check_that_the_library_does_not_have_changes_no_row() -> None:
    rows = CheckRows.of([FILLED], "post").with_library("")
    assert rows.rows == CheckRows.of([FILLED], "post").rows
    assert rows.errors == ("Choose a check of the library in the list first.",)

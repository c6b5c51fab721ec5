"""Whether a page is judged as axe alone would judge it, though kinds of texts that it passed are not judged again."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.accessibility import violations

pytestmark = pytest.mark.e2e
PAGE = '<!doctype html><html lang="en"><title>A page</title><main><h1>Heading</h1>{}</main></html>'


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page()
    yield opened
    opened.close()


def found_in(page: Page, content: str) -> list[str]:
    page.set_content(PAGE.format(content))
    return [rule["id"] for rule in violations(page)]


def paragraph(style: str, text: str = "Some words.") -> str:
    return f'<p style="{style}">{text}</p>'


def test_other_rules_are_kept(page: Page) -> None:
    assert found_in(page, '<img src="data:,">') == ["image-alt"]


def test_a_faint_text_is_found_each_time(page: Page) -> None:
    for _ in range(2):
        assert found_in(page, paragraph("color: #999")) == ["color-contrast"]


@pytest.mark.parametrize(
    "worse",
    [
        paragraph("color: #666; opacity: 0.5"),
        f'<div style="background: #777">{paragraph("color: #666")}</div>',
        f'<div style="opacity: 0.5">{paragraph("color: #666")}</div>',
    ],
)
def test_a_good_text_does_not_vouch_for_one_on_another_ground(page: Page, worse: str) -> None:
    good = paragraph("color: #666")
    assert found_in(page, good) == []
    assert found_in(page, good + worse) == ["color-contrast"]


def test_a_large_text_does_not_vouch_for_a_small_one(page: Page) -> None:
    assert found_in(page, paragraph("color: #888; font-size: 40px")) == []
    assert found_in(page, paragraph("color: #888; font-size: 12px")) == ["color-contrast"]


def test_a_text_that_is_not_in_view_does_not_vouch_for_one_that_is(page: Page) -> None:
    hidden = f"<details><summary>More</summary>{paragraph('color: #9a9')}</details>"
    assert found_in(page, hidden) == []
    assert found_in(page, hidden + paragraph("color: #9a9")) == ["color-contrast"]


def test_each_text_of_a_bad_kind_is_judged_where_the_first_could_not_be(page: Page) -> None:
    covered = f'<div style="height: 0; overflow: hidden">{paragraph("color: #9b9")}</div>'
    assert found_in(page, covered + paragraph("color: #9b9")) == ["color-contrast"]

import re
from pathlib import Path

import pytest
from django.template import TemplateSyntaxError
from django.template.loader import get_template
from django.test import RequestFactory

from portal.preferences import preference
from portal.views.preferences import preference_set
from portal.views.rendering import wants_partial

TEMPLATES = Path(__file__).parents[3] / "templates"
PAGES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("name", PAGES)
def test_template_compiles_and_keeps_to_the_content_security_policy(name: str) -> None:
    try:
        get_template(name)
    except TemplateSyntaxError as error:
        pytest.fail(str(error))
    text = (TEMPLATES / name).read_text()
    assert not re.search(r"({{[^}\n]*\n|{%[^%\n]*\n)", text), (
        "Django reads no tag across lines: it would be shown as text"
    )
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert "<style" not in text
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))


@pytest.mark.parametrize("name", PAGES)
def test_icons_named_in_templates_exist(name: str) -> None:
    sprite = (TEMPLATES.parent / "static/img/icons.svg").read_text()
    for used in re.findall(r'{% icon "([^"]+)"', (TEMPLATES / name).read_text()):
        assert f'<symbol id="{used}"' in sprite


def test_every_form_that_posts_carries_a_token() -> None:
    for name in PAGES:
        for form in re.findall(r'<form[^>]*method="post".*?</form>', (TEMPLATES / name).read_text(), re.DOTALL):
            assert "csrf_token" in form, name


def test_colours_are_tokens() -> None:
    components = TEMPLATES.parent / "static/css/components"
    for sheet in components.glob("*.css"):
        bare = re.sub(r"light-dark\([^()]*\)", "", sheet.read_text())
        assert not re.search(r"#[0-9a-f]{6}\b", bare), sheet.name


def test_a_page_restored_from_history_is_whole() -> None:
    request = RequestFactory().get("/", headers={"HX-Request": "true"})
    assert wants_partial(request)
    restored = RequestFactory().get("/", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert not wants_partial(restored)
    boosted = RequestFactory().get("/", headers={"HX-Request": "true", "HX-Boosted": "true"})
    assert not wants_partial(boosted)
    assert not wants_partial(RequestFactory().get("/"))


def test_unknown_choice_of_a_browser_is_not_believed() -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = 'dark" onload="x'
    assert preference(request, "theme") == "auto"


def test_choice_is_set_and_the_way_back_stays_here() -> None:
    factory = RequestFactory()
    answer = preference_set(factory.post("/preferences/", {"theme": "dark", "next": "/changes/?q=a"}))
    assert answer.status_code == 302
    assert answer["Location"] == "/changes/?q=a"
    assert answer.cookies["theme"].value == "dark"
    elsewhere = preference_set(factory.post("/preferences/", {"theme": "dark", "next": "https://evil.example/"}))
    assert elsewhere["Location"] == "/"
    assert preference_set(factory.post("/preferences/", {"theme": "pink"})).status_code == 400
    assert preference_set(factory.get("/preferences/")).status_code == 405

"""The pages of reviews, figures and reports, their calls of the API, and the PDF."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from changes.models import ChangeRequest, Report, ReviewAction
from changes.services.reports.making import report_make
from changes.services.review import change_close
from changes.services.reviews import review_submit, review_write
from portal.pdf import libraries, making
from portal.pdf.child import static_file
from portal.pdf.making import PdfError, pdf_of
from tests.factories import Cast, actor
from tests.integration.reviews.conftest import TEXTS

pytestmark = pytest.mark.django_db

As = Callable[[User], Client]


def test_a_review_is_written_submitted_and_accepted_in_pages_without_scripts(
    rolled_back: ChangeRequest, cast: Cast, as_: As
) -> None:
    page = reverse("change-review", args=[rolled_back.pk])
    closing = as_(cast.manager).get(reverse("change-close", args=[rolled_back.pk]))
    assert "Its review comes first." in closing.content.decode()
    author = as_(cast.author)
    first = author.get(page).content.decode()
    assert "Needed because it was rolled back." in first
    assert 'name="began_at" value="20' in first, "the record proposes the times"
    write = reverse("change-review-write", args=[rolled_back.pk])
    bad = author.post(write, {**TEXTS, "cause": "Ours.", "lessons": "", "then": "submit"})
    assert bad.status_code == 400
    assert "Write something under" in bad.content.decode()
    assert "Ours." in bad.content.decode()
    good = author.post(write, {**TEXTS, "then": "submit"}, follow=True)
    assert "The review is submitted." in good.content.decode()
    assert as_(cast.author).post(page + "accept/").status_code == 403
    added = author.post(page + "actions/", {"text": "Try first.", "owner": "peer", "due_on": "2099-01-01"})
    assert added.status_code == 400
    due = timezone.now().date().isoformat()
    assert author.post(page + "actions/", {"text": "Try first.", "owner": "peer", "due_on": due}).status_code == 302
    accepted = as_(cast.manager).post(page + "accept/", follow=True).content.decode()
    assert "The review is accepted." in accepted
    assert "Try first." in accepted
    action = reverse("review-action", args=[ReviewAction.objects.get().pk])
    assert "It is done" in as_(cast.peer).get(action).content.decode()
    assert as_(cast.peer).post(action + "done/", {"comment": "Tried."}).status_code == 302
    change_close(change_id=rolled_back.pk, manager=actor(cast.manager), close_code="rolled_back", comment="As told.")
    summary = as_(cast.auditor).get(reverse("change-detail", args=[rolled_back.pk])).content.decode()
    assert "Open the review" in summary


def test_auditors_read_everything_and_are_offered_no_writing(rolled_back: ChangeRequest, cast: Cast, as_: As) -> None:
    report_make(actor=actor(cast.manager), kind="weekly", day="2026-03-18")
    auditor = as_(cast.auditor)
    for name, *keys in (
        ("change-review", rolled_back.pk), ("review-list",), ("review-actions",), ("kpi",), ("report-list",),
        ("report-detail", Report.objects.get().pk), ("kpi-changes", "success-rate"),
    ):  # fmt: skip
        found = auditor.get(reverse(name, args=keys))
        assert found.status_code == 200, name
        main = found.content.decode().partition("<main")[2].partition("</main>")[0]
        assert 'method="post"' not in main, name
    assert Client().get(reverse("kpi")).status_code == 302


def test_figures_lead_to_their_very_changes_and_say_how_they_are_counted(
    rolled_back: ChangeRequest, cast: Cast, as_: As
) -> None:
    review_write(change_id=rolled_back.pk, writer=actor(cast.author), data=TEXTS)
    review_submit(change_id=rolled_back.pk, writer=actor(cast.author))
    change_close(change_id=rolled_back.pk, manager=actor(cast.manager), close_code="rolled_back", comment="As told.")
    page = as_(cast.auditor).get(reverse("kpi")).content.decode()
    assert "changes closed as successful ÷ all changes closed" in page
    assert "0 of 1" in page
    listed = as_(cast.auditor).get(reverse("kpi-changes", args=["rollback-rate"]))
    assert rolled_back.title in listed.content.decode()
    others = as_(cast.auditor).get(reverse("kpi-changes", args=["rollback-rate"]), {"part": "others"})
    assert rolled_back.title not in others.content.decode()
    for bad in ("?kind=daily", "?colour=red", "?day=soon"):
        assert as_(cast.auditor).get(reverse("kpi") + bad).status_code == 400
    for bad in ("?part=some", "?kind=daily"):
        assert as_(cast.auditor).get(reverse("kpi-changes", args=["success-rate"]) + bad).status_code == 400
    assert as_(cast.auditor).get(reverse("kpi-changes", args=["unauthorized-changes"])).status_code == 400


def test_reports_are_made_and_read_by_page_and_api(succeeded: ChangeRequest, cast: Cast, as_: As) -> None:
    manager, api = as_(cast.manager), APIClient()
    made = manager.post(reverse("report-make"), {"kind": "quarterly", "day": "2026-03-18"}, follow=True)
    assert "Quarterly governance review: quarter 1 of 2026" in made.content.decode()
    again = manager.post(reverse("report-make"), {"kind": "quarterly", "day": "2026-03-18"})
    assert again.status_code == 400
    assert "say why" in again.content.decode()
    assert as_(cast.author).post(reverse("report-make"), {"kind": "weekly", "day": "2026-03-18"}).status_code == 403
    api.force_login(cast.manager)
    report = Report.objects.get()
    read = api.get(f"/api/v1/reports/{report.pk}/").json()
    assert read["digest"] == report.digest
    assert read["document"]["schema"] == "countersign.report/1"
    assert [row["kind"] for row in api.get("/api/v1/reports/?kind=quarterly").json()["results"]] == ["quarterly"]
    assert api.post("/api/v1/reports/", {"kind": "weekly", "day": "2026-03-18"}).status_code == 201
    assert len(api.get("/api/v1/kpis/?kind=weekly").json()["figures"]) == 13
    assert api.get("/api/v1/kpis/success-rate/changes/").json()["results"] == []
    for bad in ("reports/?kind=daily", "kpis/?x=1", "kpis/none/changes/", "kpis/success-rate/changes/?part=x"):
        assert api.get(f"/api/v1/{bad}").status_code == 400, bad


def test_reviews_and_actions_by_api(rolled_back: ChangeRequest, cast: Cast) -> None:
    author, manager = APIClient(), APIClient()
    author.force_login(cast.author)
    manager.force_login(cast.manager)
    url = f"/api/v1/changes/{rolled_back.pk}/review/"
    assert author.get(url).status_code == 404
    assert author.patch(url, {"cause": "A typing error."}).json()["state"] == "draft"
    assert set(author.post(url + "submit/").json()["fields"]) == {"what_happened", "impact", "lessons", "outcome"}
    assert author.patch(url, {**TEXTS, "version": 9}).status_code == 409
    assert author.patch(url, TEXTS).json()["version"] == 2
    assert author.post(url + "submit/").json()["grounds"] == ["rolled_back"]
    assert author.post(url + "accept/").status_code == 403
    due = timezone.now().date().isoformat()
    action = author.post(url + "actions/", {"text": "Try first.", "owner": "peer", "due_on": due}).json()
    assert manager.post(url + "return/", {"comment": "What did it cost?"}).json()["state"] == "draft"
    author.post(url + "submit/")
    assert manager.post(url + "accept/").json()["accepted_by"] == "manager"
    assert author.get("/api/v1/reviews/?state=accepted").json()["results"][0]["change"] == rolled_back.pk
    base = f"/api/v1/review-actions/{action['id']}/"
    moved = manager.post(base + "move/", {"owner": "implementer", "comment": "Peer is away."}).json()
    assert moved["owner"] == "implementer"
    assert author.post(base + "drop/", {"comment": "No."}).status_code == 403
    assert manager.post(base + "done/", {}).json()["state"] == "done"
    assert manager.post(base + "drop/", {"comment": "Late."}).status_code == 409
    assert author.get("/api/v1/review-actions/?state=open").json()["results"] == []
    assert author.get("/api/v1/review-actions/?due=soon").status_code == 400


@pytest.mark.skipif(bool(libraries.missing_libraries()), reason="this machine lacks the libraries that PDFs need")
def test_a_report_is_a_pdf_with_its_words_its_emergencies_and_its_digest(
    rolled_back: ChangeRequest, cast: Cast, as_: As
) -> None:
    title = '<img src="file:///etc/passwd"><style>@import "http://192.0.2.1/x.css";</style>' + "W" * 100
    rows = ChangeRequest.objects.filter(pk=rolled_back.pk)
    rows.update(type="emergency", submitted_at="2026-03-17T10:00Z", title=title)
    report = report_make(actor=actor(cast.manager), kind="monthly", day="2026-03-18")
    answer = as_(cast.auditor).get(reverse("report-pdf", args=[report.pk]))
    assert answer["Content-Type"] == "application/pdf"
    assert 'filename="countersign-monthly-2026-03-01-1.pdf"' in answer["Content-Disposition"]
    read = pypdf.PdfReader(io.BytesIO(answer.content))
    text = " ".join(" ".join(page.extract_text() for page in read.pages).split())
    assert "Monthly quality review: March 2026" in text
    assert "1 emergency change in this period." in text
    assert rolled_back.number in text, "an endless word in a row leaves the others whole"
    assert '<img src="file:///etc/passwd"><style>@import' in text
    assert "How these figures are counted" in text
    assert report.digest in text.replace(" ", "")
    assert read.metadata is not None
    assert read.metadata.title == "Monthly quality review, March 2026"
    api = APIClient()
    assert api.get(f"/api/v1/reports/{report.pk}/pdf/").status_code == 401
    api.force_login(cast.outsider)
    by_api = api.get(f"/api/v1/reports/{report.pk}/pdf/")
    assert (by_api["Content-Type"], by_api["Content-Disposition"]) == (
        "application/pdf", answer["Content-Disposition"],
    )  # fmt: skip
    assert pypdf.PdfReader(io.BytesIO(by_api.content)).pages[0].extract_text() == read.pages[0].extract_text()
    assert api.get("/api/v1/reports/999999/pdf/").json()["code"] == "not_found"


@pytest.mark.skipif(bool(libraries.missing_libraries()), reason="this machine lacks the libraries that PDFs need")
def test_nothing_is_fetched_for_a_pdf_and_no_file_outside_gets_in(tmp_path: Path) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg"><text y="9">not for paper</text></svg>')
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        data = pdf_of(
            f'<html lang="en"><title>x</title><link rel="stylesheet" href="{address}/x.css"><p>words</p>'
            f'<img alt="" src="{address}/x.svg"><img alt="" src="file://{secret}">'
            f'<style>@import "{address}/y.css";</style>'
        )
        with pytest.raises(BlockingIOError):
            server.accept()
    assert pypdf.PdfReader(io.BytesIO(data)).pages[0].extract_text().strip() == "words"


def test_without_the_libraries_page_and_check_say_what_is_missing_and_the_rest_works(
    cast: Cast, as_: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "missing_libraries", lambda: ("libpango-1.0.so.0",))
    [warning] = libraries.check_pdf(None)
    assert (warning.id, "libpango-1.0.so.0" in warning.msg) == ("portal.W001", True)
    report = report_make(actor=actor(cast.manager), kind="weekly", day="2026-03-18")
    page = as_(cast.auditor).get(reverse("report-detail", args=[report.pk]))
    assert page.status_code == 200
    assert "libpango-1.0.so.0" in page.content.decode()
    assert reverse("report-pdf", args=[report.pk]) not in page.content.decode()
    assert as_(cast.auditor).get(reverse("report-pdf", args=[report.pk])).status_code == 503
    refused = as_(cast.auditor).get(f"/api/v1/reports/{report.pk}/pdf/")
    assert (refused.status_code, refused.json()["code"]) == (503, "pdf_unavailable")
    assert "libpango-1.0.so.0" in refused.json()["detail"]


def test_too_many_or_too_large_pdfs_are_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "missing_libraries", tuple)
    monkeypatch.setattr(making, "LONGEST_HTML", 10)
    with pytest.raises(PdfError, match="too large"):
        pdf_of("<p>more than ten</p>")
    monkeypatch.setattr(making, "LONGEST_HTML", 1000)
    monkeypatch.setattr(making, "TIME_S", 0.01)
    with pytest.raises(PdfError, match="given up"):
        pdf_of("<p>slow</p>")


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1/x.css", "file:///etc/passwd", "static:../portal/settings/__init__.py", "static:js/app.js",
        "static:css/none.css", "static:///etc/hosts.css", "data:text/css,x", "ftp://192.0.2.1/x.svg",
        "static:css/../../x.css",
    ],
)  # fmt: skip
def test_a_pdf_reads_static_files_and_nothing_else(url: str, settings: object) -> None:
    root = Path(__file__).resolve().parents[3] / "static"
    assert static_file(root, "static:css/report-pdf.css").name == "report-pdf.css"
    with pytest.raises(ValueError, match="refused"):
        static_file(root, url)

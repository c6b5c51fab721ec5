"""Filling in the form of a change."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import expect

from tests.e2e.browsing import Person

CONTENT = """\
{% for server in ntp_servers -%}
ntp server {{ server }}
{% endfor -%}
banner motd ^{{ banner }}^
"""


@dataclass(frozen=True)
class Wish:
    """What somebody writes into the form."""

    title: str
    reason: str
    site: str
    role: str
    banner: str
    devices: int
    preview: str

    @property
    def variables(self) -> str:
        return f"ntp_servers:\n  - 10.0.0.123\n  - 10.0.0.124\nbanner: {self.banner}\n"


FRANKFURT = Wish(
    title="Set NTP servers and a banner on all access switches in site FRA",
    reason="Clocks must agree before certificates are renewed, and the banner is due for its yearly review.",
    site="FRA",
    role="access",
    banner="Authorised access only. All sessions are recorded.",
    devices=8,
    preview="fra-acc-03",
)
MUNICH = Wish(
    title="Set NTP servers and a banner on the access switches in site MUC",
    reason="Munich follows Frankfurt.",
    site="MUC",
    role="access",
    banner="Authorised access only.",
    devices=2,
    preview="muc-acc-01",
)


def fill_texts(person: Person, wish: Wish, *, content: str = CONTENT, variables: str | None = None) -> None:
    """Title, reason, content and variables."""
    page = person.page
    page.get_by_label("Title").fill(wish.title)
    page.get_by_label("Reason").fill(wish.reason)
    page.locator("#id_content").fill(content)
    page.locator("#id_variables").fill(wish.variables if variables is None else variables)


def choose_targets(person: Person, wish: Wish) -> None:
    """Site and role, by their boxes."""
    page = person.page
    page.get_by_role("group", name="Site").get_by_label(wish.site, exact=True).check()
    page.get_by_role("group", name="Role").get_by_label(wish.role, exact=True).check()


def fill_check(person: Person, number: int) -> None:
    """A post-check, in the row of this number."""
    row = person.page.get_by_role("group", name=f"Post-check {number}")
    row.get_by_label("Name").fill("Both NTP servers are configured")
    row.get_by_label("Show command").fill("show running-config | include ntp server")
    row.get_by_label("Value").fill("ntp server 10.0.0.124")


def previews(person: Person, wish: Wish) -> None:
    """Look at what one device would get, before anything is saved."""
    page = person.page
    page.get_by_label("Preview for").select_option(label=wish.preview)
    page.get_by_role("button", name="Preview").click()
    preview = page.get_by_role("region", name="Preview")
    expect(preview).to_contain_text(wish.preview)
    expect(preview).to_contain_text("ntp server 10.0.0.124")
    expect(preview).to_contain_text(wish.banner)
    person.checks()

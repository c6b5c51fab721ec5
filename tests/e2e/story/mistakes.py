"""What people get wrong on the form of a change, and what they are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from playwright.sync_api import expect

from tests.e2e.browsing import Person
from tests.e2e.story.writing import CONTENT, MUNICH, choose_targets, fill_texts

MAX_CONTENT: Final = 256 * 1024


@dataclass(frozen=True)
class Mistake:
    """Something wrong in the form, and the sentence that names it."""

    told: str
    content: str = CONTENT
    variables: str = MUNICH.variables
    targets: bool = True


UNSAVED: Final = {
    "empty targets": Mistake(
        "Devices: An empty filter would match every device. Give one of: criticality,", targets=False
    ),
    "control character in a variable": Mistake(
        "Variables: In the variables, line 2, character 12 is the control character U+0007",
        variables="ntp_servers: [10.0.0.123]\nbanner: All\u0007 is logged.\n",
    ),
    "control character in the content": Mistake(
        "Configuration: In the content, line 1, character 13 is an escape",
        content="ntp server 1\u001b[2J\n",
    ),
    "line break in a variable": Mistake(
        "Line 2, banner:", variables='ntp_servers: [10.0.0.123]\nbanner: "All is logged.\\nreload"\n'
    ),
    "content that is too long": Mistake(
        f"Configuration: The content has {MAX_CONTENT + 1:,} bytes; {MAX_CONTENT:,} are allowed. Split the change.",
        content="ntp server 10.0.0.1\n".ljust(MAX_CONTENT + 1, "!"),
    ),
    "variables that are none": Mistake("Line 1: write “name: value” here", variables="- 10.0.0.123\n"),
}
"""The form refuses these when it is saved."""

UNPREVIEWED: Final = {
    "unknown variable": Mistake(
        'Line 2: there is no variable "ntp_srvers". Did you mean "ntp_servers"?',
        content="!\nntp server {{ ntp_srvers }}\n",
    ),
    "template error": Mistake(
        "Line 3: the template cannot be read", content="ntp server 10.0.0.123\n!\n{% fro server in ntp_servers %}\n"
    ),
    "forbidden command": Mistake(
        "Line 2: “reload” restarts the device. Take it out.", content="ntp server ::1\nreload\n"
    ),
    "forbidden command in short": Mistake("Line 1: “rel in” restarts the device.", content="rel in 5\n"),
}
"""The preview tells these before anything is saved."""


def makes(author: Person, mistake: Mistake) -> None:
    """Fill the form in, with the mistake."""
    author.goes("/changes/new/")
    fill_texts(author, MUNICH, content=mistake.content, variables=mistake.variables)
    if mistake.targets:
        choose_targets(author, MUNICH)
        expect(author.page.locator("#targets-summary")).to_have_text(f"{MUNICH.devices} devices")


def still_stands(author: Person, mistake: Mistake) -> None:
    """Nothing that was typed or ticked is lost."""
    page = author.page
    expect(page.get_by_label("Title")).to_have_value(MUNICH.title)
    expect(page.get_by_label("Reason")).to_have_value(MUNICH.reason)
    expect(page.locator("#id_content")).to_have_value(mistake.content)
    expect(page.locator("#id_variables")).to_have_value(mistake.variables)
    site = page.get_by_role("group", name="Site").get_by_label(MUNICH.site, exact=True)
    expect(site).to_be_checked(checked=mistake.targets)

"""A preview as the page of a change's form shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from changes.services.preview import Preview
from devices.domain.commands import CommandFinding
from devices.domain.warnings import Finding
from portal.forms.filters import choice_label
from portal.presenters.diffs import Block, diff_blocks
from portal.presenters.excerpts import TemplateProblem, template_problems
from portal.presenters.visible import Mask, visible

LINES_SHOWN = 2_000


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """Something about one rendered line; ``tone`` is bad where it forbids the plan."""

    tone: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ShownPreview:
    """What is printed; ``sentences`` say why there is nothing else. Everything from the device is masked."""

    name: str = ""
    facts: str = ""
    sentences: tuple[str, ...] = ()
    problems: tuple[TemplateProblem, ...] = ()
    findings: tuple[ShownFinding, ...] = ()
    forbidden: bool = False
    line_count: int = 0
    lines: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    added: int = 0
    removed: int = 0
    notes: tuple[str, ...] = ()
    known_at: datetime | None = None

    @property
    def lines_more(self) -> int:
        """How many rendered lines are not shown."""
        return self.line_count - len(self.lines)


def preview_shown(preview: Preview, content: str) -> ShownPreview:
    """The preview of ``content``, masked."""
    mask = Mask.load()
    device = preview.device
    facts = (device.site, device.role, choice_label("platform", device.platform), device.model)
    return ShownPreview(
        name=device.name,
        facts=", ".join(part for part in facts if part),
        problems=template_problems(content, preview.problems),
        findings=(
            *(_finding(finding, mask) for finding in preview.findings),
            *(_warning(warning, mask) for warning in preview.warnings),
        ),
        forbidden=preview.forbidden,
        line_count=len(preview.lines),
        lines=mask.lines(preview.lines[:LINES_SHOWN]),
        blocks=diff_blocks(preview.diff, mask, line_count=preview.line_count),
        added=preview.stat.added,
        removed=preview.stat.removed,
        notes=tuple(mask.text(note) for note in preview.notes),
        known_at=preview.known_at,
    )


def preview_refused(sentences: Sequence[str]) -> ShownPreview:
    """No preview, and why."""
    return ShownPreview(sentences=tuple(visible(sentence) for sentence in sentences))


def _finding(finding: CommandFinding, mask: Mask) -> ShownFinding:
    """The sentence may quote the line: there it is masked as a line, which a part of a sentence might escape."""
    tone = "bad"
    line = finding.line.strip()
    before, quoted, after = finding.message.partition(line) if line else (finding.message, "", "")
    if not quoted:
        return ShownFinding(tone, mask.text(finding.message))
    return ShownFinding(tone, f"{visible(before)}{mask.text(quoted)}{visible(after)}")


def _warning(warning: Finding, mask: Mask) -> ShownFinding:
    where = f"Line {warning.number}: " if warning.number else ""
    return ShownFinding("warn", f"{where}{mask.prose(warning.sentence)}")

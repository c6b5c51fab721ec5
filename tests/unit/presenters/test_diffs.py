from hypothesis import given
from hypothesis import strategies as st

from devices.domain.diffing import unified_diff
from devices.services.scrubbing import Scrubber
from portal.presenters.diffs import FOLD_STEP, Block, Gap, diff_blocks, unfolded
from portal.presenters.visible import Mask

MASK = Mask(Scrubber(key=b"k", secrets=frozenset({"topsecret"})))


def lines_of(blocks: tuple[Block, ...]) -> list[tuple[int | None, int | None, str]]:
    return [(row.old_number, row.new_number, row.text) for block in blocks for row in block.rows]


def test_folds_say_where_the_hidden_lines_are() -> None:
    before = [f"line {n}" for n in range(1, 101)]
    after = [*before[:49], "new", *before[49:]]
    diff = unified_diff("\n".join(before) + "\n", "\n".join(after) + "\n")
    first, rest = diff_blocks(diff, MASK, line_count=100, fold_url="/x?")
    assert (first.hidden_before, first.fold_url) == (46, "/x?first=1&last=46&shift=0&below=1")
    assert (rest.section, rest.hidden_before, rest.fold_url) == (None, 48, "/x?first=53&last=100&shift=1&below=0")


def test_without_an_address_folds_only_count() -> None:
    diff = unified_diff("a\n" * 30, "a\n" * 30 + "b\n")
    assert all(block.fold_url == "" for block in diff_blocks(diff, MASK))


def test_long_gap_is_unfolded_from_the_hunk_outwards() -> None:
    lines = [f"line {n}" for n in range(1, 501)]
    folded, shown = unfolded(lines, Gap(1, 400, 3), fold_url="/x?")
    assert folded.hidden_before == 400 - FOLD_STEP
    assert lines_of((shown,))[0] == (400 - FOLD_STEP + 1, 400 - FOLD_STEP + 4, f"line {400 - FOLD_STEP + 1}")
    shown, folded = unfolded(lines, Gap(101, 500, 0, below=False), fold_url="/x?")
    assert lines_of((shown,))[-1][2] == f"line {100 + FOLD_STEP}"
    assert folded.fold_url == f"/x?first={101 + FOLD_STEP}&last=500&shift=0&below=0"


@given(st.lists(st.sampled_from("abcd"), max_size=40), st.lists(st.sampled_from("abcd"), max_size=40))
def test_blocks_and_unfolded_gaps_make_the_whole_configuration(before: list[str], after: list[str]) -> None:
    """Whoever unfolds everything sees every line of both sides once, with its number."""
    diff = unified_diff("".join(f"{c}\n" for c in before), "".join(f"{c}\n" for c in after))
    blocks = diff_blocks(diff, MASK, line_count=len(before), fold_url="?")
    seen = []
    for block in blocks:
        if block.hidden_before:
            query = dict(part.split("=") for part in block.fold_url[1:].split("&"))
            seen += lines_of(unfolded(before, Gap.read(query), fold_url="?"))
        seen += lines_of((block,))
    if not blocks:
        assert before == after
        return
    assert [(old, text) for old, _new, text in seen if old] == list(enumerate(before, start=1))
    assert [(new, text) for _old, new, text in seen if new] == list(enumerate(after, start=1))


@given(st.text())
def test_masked_text_holds_nothing_that_cannot_be_seen(text: str) -> None:
    shown = MASK.text(text)
    assert not any(char in shown for char in "\u202e\u2066\u200b\x1b\x07\x00\x7f\u2028\ufeff")


def test_secret_in_a_diff_is_masked_and_its_change_still_shows() -> None:
    diff = unified_diff("snmp-server community alpha RO\n", "snmp-server community beta RO\n")
    (block,) = diff_blocks(diff, MASK)
    old, new = (row.text for row in block.rows)
    assert "alpha" not in old
    assert "beta" not in new
    assert old != new


def test_prose_is_not_taken_for_configuration_but_known_secrets_are_masked() -> None:
    assert MASK.prose("The password is old, rotate it.") == "The password is old, rotate it."
    assert MASK.prose("It is topsecret!").startswith("It is <hidden:")


def test_as_many_lines_as_were_given() -> None:
    lines = ("username x secret 0 abc", "", "ntp server y")
    masked = MASK.lines(lines)
    assert len(masked) == 3
    assert "abc" not in masked[0]
    assert MASK.lines(()) == ()

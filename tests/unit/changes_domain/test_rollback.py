"""What takes a device back: the approved backout, the same beside others' work, or nothing at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.rollback import NoWayBackError, Source, WayBack, lines_digest, meet, resumed, way_back
from devices.domain.config_text import normalise
from devices.domain.inverse import inverse_commands
from devices.domain.platforms import platform_for
from devices.domain.prediction import predict

IOS = platform_for("cisco_ios")
BEFORE = normalise(
    """hostname sw1
ntp server 198.51.100.1
interface GigabitEthernet1/0/1
 description uplink
 switchport access vlan 10
interface GigabitEthernet1/0/2
 description spare
logging host 192.0.2.9
""",
    IOS,
)
CHANGE = ("ntp server 10.0.0.123", "interface GigabitEthernet1/0/1", " description changed")
AFTER = predict(BEFORE, CHANGE, IOS)
BACKOUT = inverse_commands(BEFORE, AFTER, IOS)
OTHERS = (
    ("logging host 203.0.113.7",),
    ("interface GigabitEthernet1/0/2", " description theirs"),
    ("no logging host 192.0.2.9",),
    ("ntp server 10.0.0.99",),
    ("interface GigabitEthernet1/0/1", " switchport access vlan 20"),
)


def found(actual: str, *, replaces: bool = False, after: str = AFTER) -> WayBack:
    return way_back(before=BEFORE, after=after, actual=actual, approved=BACKOUT, replaces=replaces, platform=IOS)


def test_a_device_as_the_change_left_it_gets_what_was_approved() -> None:
    assert found(AFTER) == WayBack(Source.APPROVED, BACKOUT, False, BEFORE)
    assert found(AFTER, replaces=True) == WayBack(Source.APPROVED, (), True, BEFORE)


@pytest.mark.parametrize("replaces", [False, True])
def test_nothing_is_sent_where_the_change_is_gone_already(replaces: bool) -> None:
    assert found(BEFORE, replaces=replaces) == WayBack(Source.NOTHING, (), False, BEFORE)
    beside = predict(BEFORE, OTHERS[1], IOS)
    gone = found(beside, replaces=replaces)
    assert (gone.source, gone.commands, gone.wanted) == (Source.NOTHING, (), beside)


@pytest.mark.parametrize("other", OTHERS[:4])
def test_approved_lines_that_undo_exactly_the_change_beside_others_work_are_sent_as_approved(
    other: tuple[str, ...],
) -> None:
    actual = predict(AFTER, other, IOS)
    way = found(actual)
    assert (way.source, way.commands, way.replaces) == (Source.APPROVED, BACKOUT, False)
    assert way.wanted == predict(BEFORE, other, IOS), "their work stays, ours is gone"
    assert way.elsewhere


@pytest.mark.parametrize("other", OTHERS[:4])
def test_a_replacement_would_undo_others_work_so_lines_are_computed_again_for_a_person(other: tuple[str, ...]) -> None:
    actual = predict(AFTER, other, IOS)
    way = found(actual, replaces=True)
    assert (way.source, way.replaces) == (Source.RECOMPUTED, False)
    assert way.wanted == predict(BEFORE, other, IOS)
    assert predict(actual, way.commands, IOS) == way.wanted


@pytest.mark.parametrize("replaces", [False, True])
def test_another_value_at_the_same_place_is_a_conflict_and_is_named(replaces: bool) -> None:
    actual = predict(AFTER, ["interface GigabitEthernet1/0/1", " description somebody else"], IOS)
    with pytest.raises(NoWayBackError) as refused:
        found(actual, replaces=replaces)
    assert any("GigabitEthernet1/0/1" in name for place in refused.value.places for name in place)


def test_the_rest_of_an_interrupted_backout_is_finished_without_a_person() -> None:
    actual = predict(AFTER, ["no ntp server 10.0.0.123"], IOS)
    way = found(actual)
    assert (way.source, way.wanted) == (Source.REST, BEFORE)
    assert predict(actual, way.commands, IOS) == BEFORE
    assert found(actual, replaces=True) == WayBack(Source.REST, (), True, BEFORE)


def test_a_backout_that_would_not_lead_back_is_computed_again_for_a_person() -> None:
    """As after a run on a device that had drifted elsewhere before, or a backout that had failed half-way."""
    way = way_back(before=BEFORE, after=AFTER, actual=AFTER, approved=BACKOUT[:1], replaces=False, platform=IOS)
    assert way.source is Source.RECOMPUTED
    assert predict(AFTER, way.commands, IOS) == BEFORE


def test_a_change_of_a_block_meets_a_change_inside_it_and_not_one_of_its_neighbour() -> None:
    inside = predict(BEFORE, ["interface GigabitEthernet1/0/1", " description theirs"], IOS)
    neighbour = predict(BEFORE, ["interface GigabitEthernet1/0/2", " description theirs"], IOS)
    assert meet(BEFORE, AFTER, BEFORE, inside, IOS)
    assert not meet(BEFORE, AFTER, BEFORE, neighbour, IOS)


def test_the_digest_binds_device_configuration_and_each_line() -> None:
    one = lines_digest(device_run_id=7, actual_sha256="a" * 64, commands=["x", "y"])
    assert one == lines_digest(device_run_id=7, actual_sha256="a" * 64, commands=("x", "y"))
    others = {
        lines_digest(device_run_id=8, actual_sha256="a" * 64, commands=["x", "y"]),
        lines_digest(device_run_id=7, actual_sha256="b" * 64, commands=["x", "y"]),
        lines_digest(device_run_id=7, actual_sha256="a" * 64, commands=["y", "x"]),
        lines_digest(device_run_id=7, actual_sha256="a" * 64, commands=["x\ny"]),
    }
    assert len(others | {one}) == 5


@given(st.lists(st.sampled_from(OTHERS), max_size=4), st.booleans())
def test_whatever_others_did_a_way_back_undoes_this_change_alone(others: list[tuple[str, ...]], replaces: bool) -> None:
    actual, without = AFTER, BEFORE
    for other in others:
        actual, without = predict(actual, other, IOS), predict(without, other, IOS)
    way = found(actual, replaces=replaces)
    assert way.wanted == without
    if not way.replaces:
        assert predict(actual, way.commands, IOS) == without
    assert not (way.replaces and way.elsewhere), "a replacement never undoes somebody else's work"


XR = platform_for("cisco_xr")
XR_BEFORE = "hostname r1\ninterface Loopback0\n description a\nntp\n server 1.1.1.1\n"
XR_AFTER = XR_BEFORE.replace(" server 1.1.1.1", " server 1.1.1.1\n server 2.2.2.2")


def xr_way(actual: str) -> WayBack:
    return way_back(before=XR_BEFORE, after=XR_AFTER, actual=actual, approved=(), replaces=True, platform=XR)


def test_where_nothing_can_be_predicted_both_edits_come_together_as_text_for_a_person() -> None:
    theirs = "description theirs"
    way = xr_way(XR_AFTER.replace("description a", theirs))
    wanted = XR_BEFORE.replace("description a", theirs)
    assert (way.source, way.commands, way.replaces, way.wanted) == (Source.RECOMPUTED, (), True, wanted)
    assert xr_way(XR_AFTER) == WayBack(Source.APPROVED, (), True, XR_BEFORE)


def test_where_nothing_can_be_predicted_and_the_edits_cannot_come_together_nothing_is_sent() -> None:
    """Both add a line at one point, and nobody knows which comes first."""
    after = XR_BEFORE.replace(" description a\n", "")
    actual = XR_BEFORE.replace(" description a\n", " mtu 1500\n")
    with pytest.raises(NoWayBackError) as refused:
        way_back(before=XR_BEFORE, after=after, actual=actual, approved=(), replaces=True, platform=XR)
    assert not refused.value.places


def test_the_digest_of_a_replacement_binds_the_text_that_replaces() -> None:
    digests = {
        lines_digest(device_run_id=7, actual_sha256="a" * 64, commands=(), replaced_by=text) for text in ("", "x", "y")
    }
    assert len(digests) == 3


def test_what_is_left_of_an_interrupted_rollback_is_found_beside_others_work() -> None:
    begun = predict(AFTER, OTHERS[1], IOS)
    wanted = predict(BEFORE, OTHERS[1], IOS)
    half = predict(begun, ["no ntp server 10.0.0.123"], IOS)

    def rest(actual: str, *, replaces: bool = False) -> WayBack | None:
        return resumed(begun=begun, wanted=wanted, actual=actual, replaces=replaces, platform=IOS)

    way = rest(half)
    assert way is not None
    assert (way.source, predict(half, way.commands, IOS)) == (Source.REST, wanted)
    done, replaced = rest(wanted), rest(half, replaces=True)
    assert done is not None
    assert done.source is Source.NOTHING
    assert replaced == WayBack(Source.REST, (), True, wanted)
    assert rest(begun) is None, "nothing of it is there: the way is found anew"
    assert rest(predict(half, ["hostname other"], IOS)) is None, "others went on meanwhile"

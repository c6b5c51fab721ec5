from portal.presenters.selection import Selection
from portal.presenters.words import both, counted, either, few, group_label


def test_counts_and_names_read_as_people_say_them() -> None:
    assert counted(1, "device") == "1 device"
    assert counted(1200, "device") == "1,200 devices"
    assert either(["ana"]) == "ana"
    assert either(["ana", "amir"]) == "ana or amir"
    assert both(["a", "b", "c"]) == "a, b and c"
    assert both([]) == ""
    assert few([str(n) for n in range(10)], 3) == "0, 1, 2 and 7 more"
    assert group_label("cab") == "CAB"
    assert group_label("change-manager") == "Change manager"
    assert group_label("unheard-of") == "Unheard of"


def test_selection_survives_its_own_address() -> None:
    asked = {"view": "split", "group": "ab12", "device": "3", "start": "25", "revision": "2"}
    selection = Selection.read(7, asked, preferred="unified")
    assert Selection.read(7, dict(p.split("=") for p in selection.query().split("&")), preferred="unified") == selection
    assert selection.url("d-3") == "/changes/7/plan/?view=split&group=ab12&device=3&start=25&revision=2#d-3"


def test_nonsense_in_an_address_asks_for_nothing() -> None:
    asked = {"view": "x", "device": "-1", "start": "9" * 30, "revision": "٣"}
    assert Selection.read(7, asked, preferred="split") == Selection(7, mode="split")

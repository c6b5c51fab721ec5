from audit.recorder import ObjectType
from audit.stateful import STATEFUL


def test_each_object_type_has_one_place() -> None:
    names = [each.object_type for each in STATEFUL]
    assert len(set(names)) == len(names)
    assert set(names) <= set(ObjectType)
    assert len({each.table for each in STATEFUL}) == len(names)

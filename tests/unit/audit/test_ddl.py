import pytest

from audit.ddl import require_event


@pytest.mark.parametrize(
    ("table", "object_type", "column"),
    [
        ("a; DROP TABLE b", "change", "state"),
        ("t", "it's", "state"),
        ("t", "change", "State"),
        ("", "change", None),
    ],
)
def test_only_plain_names_become_ddl(table: str, object_type: str, column: str | None) -> None:
    with pytest.raises(ValueError, match="plain name"):
        require_event(table=table, object_type=object_type, state_column=column)

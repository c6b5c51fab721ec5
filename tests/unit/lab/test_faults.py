import pytest

from devices.lab import Faults, LabError


def test_switches_are_read_from_a_mapping() -> None:
    faults = Faults.parse({"hang": True, "latency_s": 1, "reject": "^ntp", "drop_after_config_lines": 2})
    assert faults == Faults(hang=True, latency_s=1, reject="^ntp", drop_after_config_lines=2)


@pytest.mark.parametrize(
    ("switches", "sentence"),
    [
        ({"refuse": True}, "unknown switch 'refuse'; known are"),
        ({"hang": "yes"}, "switch hang cannot be 'yes'"),
        ({"latency_s": -1}, "switch latency_s cannot be -1"),
        ({"latency_s": True}, "switch latency_s cannot be True"),
        ({"drop_after_config_lines": 1.5}, "cannot be 1.5"),
        ({"reject": "("}, "is no regular expression"),
        ({"serial": 7}, "switch serial cannot be 7"),
    ],
)
def test_a_bad_switch_is_named_in_a_sentence(switches: dict[str, object], sentence: str) -> None:
    with pytest.raises(LabError) as caught:
        Faults.parse(switches)
    assert sentence in str(caught.value)

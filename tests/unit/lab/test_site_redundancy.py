from devices.lab.site import site_specs


def test_the_demonstration_network_declares_its_pairs_and_uplinks() -> None:
    specs = {spec.name: spec for spec in site_specs(60)}
    assert (specs["fra-dist-01"].redundancy_group, specs["fra-dist-01"].uplinks) == ("fra-dist", ())
    assert specs["fra-acc-03"].uplinks == ("fra-dist-01", "fra-dist-02")
    assert specs["fra-acc-03"].redundancy_group == ""
    groups: dict[str, int] = {}
    for spec in specs.values():
        groups[spec.redundancy_group] = groups.get(spec.redundancy_group, 0) + bool(spec.redundancy_group)
    assert groups.pop("") == 0
    assert set(groups.values()) == {2}, "every group is a pair"

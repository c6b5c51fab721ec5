"""The pre-check ladder on a real router: what vtysh tells of identity and health."""

import pytest

from devices.models import LiveFact
from tests.integration.frr.conftest import Network

pytestmark = pytest.mark.frr


def test_a_real_router_proves_its_name_its_system_and_its_daemons(network: Network) -> None:
    router = network.router(1)
    revision = network.planned(network.draft(router, "ip prefix-list LADDER seq 5 permit 192.0.2.0/24"))
    [plan] = revision.device_plans.all()
    gates = {row["gate"]: row for row in plan.gates}
    assert {name: row["verdict"] for name, row in gates.items()} == dict.fromkeys(gates, "passed"), plan.detail
    assert gates["health"]["sentence"].startswith("Routing daemons: all ")
    facts = dict(LiveFact.objects.filter(device__name=router.name).values_list("field", "verdict"))
    assert (facts["hostname"], facts["platform"], facts["serial"]) == ("match", "match", "not_compared")

"""The contacts of a plan, as bundles are routed over them."""

import pytest
from pydantic import ValidationError

from skybed.topologies.bundles import outlook, sabr
from skybed.topologies.bundles.contacts import contacts, of
from skybed.topologies.model.bundles import BundleFlow
from skybed.topologies.scenario.checks.idle import idle
from skybed.topologies.tasks import reach
from support.tiny_sky import RADIO, S1_MIYUN, TINY, plan_of


def between(plan, found, node, peer):
    ends = plan.node(node), plan.node(peer)
    return [contact for contact in found if (contact.node, contact.peer) == ends]


def test_they_are_those_of_the_plan_with_rate_and_light_time():
    plan = plan_of(TINY)
    (up,) = between(plan, contacts(plan.network), "Miyun", "s1")
    assert (up.start_s, up.end_s, up.bytes_s) == (0, pytest.approx(30), 10e6 / 8)
    assert up.light_s == pytest.approx(plan.delay_s(S1_MIYUN, [0, 30]).max(), rel=1e-6)
    pair = [[plan.node("Miyun"), plan.node("s1")]]
    assert reach.contacts(plan, pair).of(0) == [pytest.approx((up.start_s, up.end_s))]
    (best,) = between(plan, contacts(plan.network, at_best=True), "Miyun", "s1")
    assert best.light_s <= up.light_s


def test_a_rate_of_0_one_way_is_no_contact():
    plan = plan_of({**TINY, "links": {"radio": {**RADIO, "down": {"rate_mbps": [[0, 10], [20, 0]]}}}})
    assert [contact.end_s for contact in between(plan, contacts(plan.network), "Miyun", "s1")] == [20]


def test_unplanned_faults_are_not_planned_and_planned_ones_are():
    fault = {"kind": "carrier", "node": "Miyun", "at_s": 10, "for_s": 5, "reacquire_s": 0}
    for planned, ends in ((False, [30]), (True, [10, 30])):
        known = of(plan_of({**TINY, "faults": [{**fault, "planned": planned}]}))
        plan = plan_of({**TINY, "faults": [{**fault, "planned": planned}]})
        told = between(plan, known.copies[0], "Miyun", "s1"), between(plan, known.actual, "Miyun", "s1")
        assert [[round(contact.end_s, 3) for contact in found] for found in told] == [ends, [10, 30]]


def test_each_node_has_the_contacts_of_its_own_copy():
    late = {"kind": "carrier", "node": "Miyun", "at_s": 10, "for_s": 5, "reacquire_s": 0, "planned": True,
            "announced_s": 0}  # fmt: skip
    copies = [{"nodes": ["s1"], "issued_s": -60}, {"nodes": ["Sanya"], "along_track_km": 30}]
    plan = plan_of({**TINY, "faults": [late], "routing": {"copies": copies}})
    known = of(plan)

    def believed(holder):
        return between(plan, known.copies[known.held[plan.node(holder)]], "Miyun", "s1")

    ends_s = {
        holder: [round(contact.end_s, 3) for contact in believed(holder)] for holder in ("Miyun", "s1", "s2")
    }
    assert ends_s == {"Miyun": [10, 30], "s1": [30], "s2": [10, 30]}
    assert len(known.copies) == 3 and believed("Sanya") != believed("Miyun")


def test_what_is_handed_over_is_what_was_given(tmp_path):
    known = of(plan_of(TINY))
    outlook.save(known, tmp_path / "bundles")
    assert outlook.load(tmp_path / "bundles") == known
    outlook.save(outlook.Outlook([], [[]], [], []), tmp_path / "none")
    assert outlook.load(tmp_path / "none") == ([], [[]], [], [])


def test_a_bundle_waits_for_the_next_satellite():
    plan = plan_of(TINY)
    graph = sabr.Plan(contacts(plan.network))
    miyun, sanya = plan.node("Miyun"), plan.node("Sanya")
    early, late = (sabr.best(graph, miyun, sanya, t_s) for t_s in (29, 30))
    assert early.arrival_s < 29.1 and early.entry == plan.node("s1")
    assert late.arrival_s == pytest.approx(32, abs=0.1) and late.entry == plan.node("s2")


def test_an_epidemic_bundle_has_to_fit_into_a_datagram():
    flow = {"kind": "bundles", "from": "Miyun", "to": "Sanya", "layer": "udp", "size_bytes": 65_001}
    assert BundleFlow.model_validate(flow).layer == "udp"
    with pytest.raises(ValidationError, match="is not cut, and a datagram has room for 65000"):
        BundleFlow.model_validate(flow | {"routing": "epidemic"})


def test_copies_have_an_effect_where_bundles_go_by_the_contact_plan():
    copies = {"routing": {"copies": [{"issued_s": 0}]}}
    for routing, idles in (("cgr", 0), ("epidemic", 1)):
        flow = {"kind": "bundles", "from": "Miyun", "to": "Sanya", "routing": routing}
        told = idle(plan_of({**TINY, **copies, "traffic": [flow]}).scenario)
        assert len(told) == idles, told

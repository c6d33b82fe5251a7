"""What bundles are held to, exactly at its limits: bundles and hops are a few rows, written by hand."""

import numpy as np
import pandas as pd
import pytest

from skybed.analysis import verdict
from skybed.analysis.verdict import bundles
from skybed.topologies.model.tables import BUFFERS, BUNDLES, CHANGED, CONTACT_USE, HOPS
from support.tiny_sky import S1_MIYUN, empty, one_way_s

SIZE = 100_000
ON_WIRE_S = SIZE / 1.25e6  # at 10 Mbit/s
FLOW = {"kind": "bundles", "name": "b1", "from": "s1", "to": "Miyun", "size_bytes": SIZE, "at_s": [5.0]}


def bundle(number=0, created_s=5.0, delivered_s=6.0, outcome="delivered", **more):
    return dict.fromkeys(BUNDLES.dtypes) | {
        "flow": "b1", "number": number, "src": "s1", "dst": "Miyun", "bytes": SIZE, "created_s": created_s,
        "delivered_s": delivered_s, "fragments": 1, "duplicates": 0, "outcome": outcome,
    } | more  # fmt: skip


def hop(number=0, node="s1", peer="Miyun", began_s=5.5, arrived_s=6.0, size=SIZE, **more):
    return dict.fromkeys(HOPS.dtypes) | {
        "flow": "b1", "number": number, "report": False, "offset": 0, "bytes": size, "node": node,
        "peer": peer, "queued_s": 5.0, "began_s": began_s, "arrived_s": arrived_s, "carried_bytes": size,
        "whole": True,
    } | more  # fmt: skip


@pytest.fixture
def said(builder):
    """What is said of rows of bundles and hops."""

    def said(created, hops, **tables):
        made = builder(traffic=[FLOW], routing={"destinations": []})
        made.tables["bundles"] = pd.DataFrame(created, columns=[*BUNDLES.dtypes]).astype(
            {"delivered_s": float}
        )
        types = {
            "began_s": float,
            "arrived_s": float,
            "report": bool,
            "bytes": int,
            "node": "str",
            "peer": "str",
        }
        made.tables["hops"] = pd.DataFrame(hops, columns=[*HOPS.dtypes]).astype(types)
        made.tables |= tables
        return bundles.reasons(made.told())

    return said


@pytest.fixture
def light_s(builder):
    """From s1 to Miyun, as short as it ever is while they see each other."""
    return float(one_way_s(builder(traffic=[]).plan, np.linspace(0, 30, 9), S1_MIYUN).min())


def test_a_bundle_that_came_by_its_contact_is_right(said):
    assert said([bundle()], [hop()]) == []


def test_a_run_without_bundles_has_none_to_judge(builder):
    assert bundles.reasons(builder(traffic=[]).told()) == []


@pytest.mark.parametrize("outcome, delivered_s, told", [
    ("delivered", 6.0, False), ("delivered", np.nan, True), ("held", np.nan, False), ("held", 6.0, True),
    ("expired", np.nan, False), ("lost", np.nan, False), ("dropped", np.nan, False), ("eaten", np.nan, True),
])  # fmt: skip
def test_a_bundle_is_delivered_or_it_is_known_why_not(said, outcome, delivered_s, told):
    found = said([bundle(delivered_s=delivered_s, outcome=outcome)], [hop()])
    assert found == ["Of 1 bundles of b1 it is not known what has become of them."] * told


def test_all_of_a_bundle_came_over_contacts_and_reports_are_none_of_it(said):
    half = SIZE // 2
    parts = [hop(size=half), hop(size=half, began_s=6.0, arrived_s=6.5)]
    assert said([bundle(delivered_s=6.5, fragments=2)], parts) == []
    short = ["Bundle 0 of b1 is delivered, but not all of it came to Miyun by a contact."]
    assert said([bundle(delivered_s=6.5, fragments=2)], [parts[0], parts[1] | {"bytes": half - 1}]) == short
    assert said([bundle(delivered_s=6.5, fragments=2)], [parts[0], parts[1] | {"report": True}]) == short
    assert said([bundle()], [hop(peer="Sanya")]) == short
    assert said([bundle()], []) == short
    assert said([bundle(delivered_s=np.nan, outcome="held")], [parts[0]]) == []


def test_of_a_bundle_of_one_byte_one_byte_came(said):
    assert len(said([bundle(bytes=1)], [])) == 1


def test_of_all_that_went_wrong_in_one_way_the_first_is_told(said):
    wrong = [hop(n, began_s=40.0, arrived_s=41.0) for n in range(3)]
    quick = [hop(n, began_s=6.0, arrived_s=6.0) for n in range(3)]
    found = said([bundle(n) for n in range(3)], wrong + quick)
    assert [reason.split(" s ")[-1] for reason in found] == [
        "while there was no contact; 3 did.", "faster than it can carry; 3 did.",
    ]  # fmt: skip
    assert len(said([bundle(n) for n in range(3)], [])) == 1


def test_the_first_of_many_that_are_short_is_told(said):
    assert said([bundle(n) for n in (0, 1, 2)], [hop(0), hop(1, size=9), hop(2, size=9)])[0].startswith(
        "Bundle 1 "
    )


@pytest.mark.parametrize("began_s, arrived_s, told", [
    (29.0, 30.0, False), (29.9, 30.006, False), (29.9, 30.02, True), (30.1, 30.2, True), (40.0, 40.1, True),
])  # fmt: skip
def test_a_hop_is_within_a_contact_and_its_last_byte_comes_by_light_time_after_it(
    said, began_s, arrived_s, told
):
    """s1 sees Miyun until 30 s; a packet that leaves then is there some 7 ms later."""
    found = said([bundle(delivered_s=arrived_s)], [hop(began_s=began_s, arrived_s=arrived_s)])
    assert any("while there was no contact; 1 did." in reason for reason in found) is told


@pytest.mark.parametrize("began_s, told", [(31.98, True), (31.9955, False), (32.0, False), (32.1, False)])
def test_a_hop_begins_no_sooner_than_its_contact(said, began_s, told):
    """s2 sees Miyun from 32 s on; an instant is known to 5 ms."""
    found = said([bundle(delivered_s=33.0, src="s2")], [hop(node="s2", began_s=began_s, arrived_s=33.0)])
    assert any("while there was no contact" in reason for reason in found) is told


@pytest.mark.parametrize("off_s, told", [(-0.0051, True), (-0.0049, False), (0.0, False), (1.0, False)])
def test_a_hop_takes_light_time_and_what_the_rate_takes(said, light_s, off_s, told):
    took_s = light_s + ON_WIRE_S + off_s
    found = said([bundle(delivered_s=8.0)], [hop(began_s=6.0, arrived_s=6.0 + took_s)])
    assert any("faster than it can carry; 1 did." in reason for reason in found) is told


def test_what_went_over_no_contact_is_not_too_fast_besides(said):
    found = said([bundle(delivered_s=40.0)], [hop(began_s=40.0, arrived_s=40.0)])
    assert [reason.split(" s ")[-1] for reason in found] == ["while there was no contact; 1 did."]
    assert found[0].startswith("Bundle 0 of b1 went from s1 to Miyun at 40.000 s ")


@pytest.mark.parametrize("off_s, told", [(-0.0051, True), (-0.0049, False), (0.0, False), (1.0, False)])
def test_a_bundle_is_there_no_sooner_than_by_the_best_way(said, light_s, off_s, told):
    there_s = 5.0 + light_s + ON_WIRE_S + off_s
    found = said([bundle(delivered_s=there_s)], [hop(began_s=4.0, arrived_s=6.0)])
    assert len(found) == told
    if told:
        assert found[0].startswith(
            f"Bundle 0 of b1 was there at {there_s:.3f} s, but the best way takes until 5.0"
        )


def test_what_came_in_parts_is_held_to_light_alone(said, light_s):
    parts = [hop(size=SIZE // 2, began_s=5.0, arrived_s=5.5), hop(size=SIZE // 2, began_s=5.0, arrived_s=5.5)]
    for after_s, told in ((light_s - 0.0051, True), (light_s - 0.0049, False)):
        assert bool(said([bundle(delivered_s=5.0 + after_s, fragments=2)], parts)) is told


def test_where_there_is_no_way_none_is_there(said):
    """s1 is gone from all stations when it is created."""
    found = said([bundle(created_s=40.0, delivered_s=50.0)], [hop()])
    assert found == ["Bundle 0 of b1 was there at 50.000 s, but there is no way."]


def test_the_last_of_all_bundles_is_looked_at_too(said):
    created = [bundle(n) for n in range(3)]
    for early in range(3):
        rows = [row | ({"delivered_s": 5.001} if n == early else {}) for n, row in enumerate(created)]
        (found,) = said(rows, [hop(n) for n in range(3)])
        assert found.startswith(f"Bundle {early} of b1 was there at 5.001 s")


def test_where_links_were_changed_by_hand_only_the_books_are_held(said):
    none = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in CHANGED.dtypes.items()})
    wrong = [bundle(delivered_s=5.001)], [hop(began_s=40.0, arrived_s=40.0)]
    assert len(said(*wrong)) == 2 and said(*wrong, changed=none) == []
    assert len(said([bundle(outcome="eaten")], [hop(size=9)], changed=none)) == 1
    assert len(said([bundle()], [hop(size=9)], changed=none)) == 1


def test_bundles_are_part_of_the_verdict(builder):
    made = builder(traffic=[FLOW], routing={"destinations": []})
    made.tables["bundles"] = pd.DataFrame([bundle(outcome="eaten")], columns=[*BUNDLES.dtypes])
    made.tables["hops"] = pd.DataFrame([hop()], columns=[*HOPS.dtypes])
    made.tables |= {table.name: empty(table.dtypes) for table in (BUFFERS, CONTACT_USE)}
    reasons = verdict.judge(made.told()).reasons
    assert "Of 1 bundles of b1 it is not known what has become of them." in reasons

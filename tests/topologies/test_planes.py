"""Planes that are found in element files, and links among their satellites."""

import datetime as dt
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sgp4.exporter import export_omm, export_tle

from skybed.topologies.contacts.patterns import pairs
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.space import Isl, Layer
from skybed.topologies.orbits import elements, planes, walker
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

EPOCH = dt.datetime(2026, 5, 2, tzinfo=dt.UTC)
IRIDIUM = {"notation": "86.4:66/6/2", "altitude_km": 780, "pattern": "star", "raan_spacing_deg": 31.6}
IRIDIUM_FIELDS = {
    "planes": 6, "per_plane": 11, "inclination_deg": 86.4, "altitude_km": 780, "pattern": "star",
    "phasing": 2, "raan_spacing_deg": 31.6,
}  # fmt: skip
GRID, RING = Isl(pattern="grid"), Isl(pattern="ring")


def flown(**fields):
    """Satellites of a Walker."""
    return walker.satellites("net", Layer(walker=fields), EPOCH)


def renamed(satellite, name):
    return walker.Satellite(name, *satellite[1:])


def shifted(satellite, raan_deg=0.0, latitude_deg=0.0, altitude_km=0.0, inclination_deg=0.0, name="odd"):
    """Another satellite on nearly the same orbit."""
    (other,) = flown(
        planes=1,
        per_plane=1,
        inclination_deg=np.degrees(satellite.satrec.inclo) + inclination_deg,
        mean_motion_rev_day=satellite.satrec.no_kozai * 1440 / (2 * np.pi) * (1 - altitude_km / 4700),
        raan0_deg=np.degrees(satellite.satrec.nodeo) + raan_deg,
        mean_anomaly0_deg=np.degrees(satellite.satrec.mo) + latitude_deg,
    )
    return renamed(other, name)


def linked(isl, satellites, epoch=EPOCH):
    """Pairs of names, and what was found."""
    arranged = planes.found([s.satrec for s in satellites], epoch)
    found = pairs(isl, arranged)
    names = [s.name for s in satellites]
    return {frozenset((names[a], names[b])) for a, b in zip(found.a, found.b, strict=True)}, arranged


def asked(isl, **fields):
    """Pairs of names that a Walker gives."""
    layer, names = Layer(walker=fields, isl=isl), [s.name for s in flown(**fields)]
    found = pairs(isl, planes.of_layer(layer, [], EPOCH))
    return {frozenset((names[a], names[b])) for a, b in zip(found.a, found.b, strict=True)}


def tle(satellites):
    lines = []
    for number, satellite in enumerate(satellites, start=40_000):
        satellite.satrec.satnum_str = str(number)
        lines += [satellite.name, *export_tle(satellite.satrec)]
    return "\n".join(lines) + "\n"


def omm(satellites):
    rows = []
    for number, satellite in enumerate(satellites, start=40_000):
        satellite.satrec.intldesg = "26001A"
        rows.append({**export_omm(satellite.satrec, satellite.name), "NORAD_CAT_ID": number})
    return json.dumps(rows) + "\n\n"


def contacts(layer, duration_s=3600, **isl):
    fields = {
        "name": "iridium", "epoch": EPOCH, "duration_s": duration_s,
        "layers": {"net": layer | {"isl": {"pattern": "grid", "seam": False, "polar_cutoff_deg": 70} | isl}},
    }  # fmt: skip
    plan = Plan.make(Scenario.model_validate(fields))
    names = np.array([link.name for link in plan.links])[plan.contacts["link"]]
    order = np.lexsort((plan.contacts["start_s"], names))
    return names[order], plan.contacts[["start_s", "end_s"]].to_numpy()[order]


@pytest.mark.parametrize("written", [tle, omm])
@pytest.mark.parametrize("phasing", [2, 3])
def test_iridium_next_in_a_file_has_the_contacts_of_iridium_next_as_a_walker(written, phasing):
    """The case of F = 3 is a tie: neighbours are half a slot ahead, and behind."""
    shell = IRIDIUM | {"notation": f"86.4:66/6/{phasing}"}
    text = written(walker.satellites("net", Layer(walker=shell), EPOCH))
    names, times = contacts({"elements": text})
    as_walker, expected = contacts({"walker": shell})
    assert len(names) > 66 + 55
    assert list(names) == list(as_walker)
    assert times == pytest.approx(expected, abs=0.1)


def test_planes_and_slots_are_told_in_names():
    text = tle([renamed(s, f"x{n}") for n, s in enumerate(flown(**IRIDIUM_FIELDS))])
    found, _ = elements.satellites("net", Layer(elements=text, names="{layer}-{plane}-{slot}"), EPOCH)
    assert [s.name for s in found] == [s.name for s in flown(**IRIDIUM_FIELDS)]
    assert {(s.plane, s.slot) for s in found} == {(p, s) for p in range(6) for s in range(11)}


SHELLS = st.fixed_dictionaries(
    {
        "planes": st.integers(1, 24),
        "per_plane": st.integers(1, 24),
        "inclination_deg": st.sampled_from([30.0, 53.0, 86.4, 97.6]),
        "altitude_km": st.sampled_from([550.0, 1200.0, 20_000.0]),
        "pattern": st.sampled_from(["delta", "star"]),
        "mean_anomaly0_deg": st.sampled_from([0.0, 1.5]),
    }
)


@settings(deadline=None, max_examples=60)
@given(
    SHELLS, st.floats(-0.39, 0.59), st.sampled_from(["grid", "ring"]), st.booleans(), st.sampled_from([0, 2])
)
def test_a_walker_in_a_file_is_linked_as_the_walker(shell, share, pattern, seam, days):
    """F is a share of P: F and F - P are the same satellites. Days later J2 has turned the planes."""
    fields = shell | {"phasing": int(share * shell["planes"])}
    if days and not seam:  # which plane is first may have changed
        fields |= {"pattern": "star"}
    isl = Isl(pattern=pattern, seam=seam)
    got, _ = linked(isl, flown(**fields), EPOCH + dt.timedelta(days=days))
    assert got == asked(isl, **fields)


def test_an_empty_slot_is_bridged_in_its_plane_and_leaves_its_neighbours_without():
    full = flown(**IRIDIUM_FIELDS)
    got, arranged = linked(Isl(seam=False), [s for s in full if s.name != "net-2-5"])
    lost = {pair for pair in asked(Isl(seam=False), **IRIDIUM_FIELDS) if "net-2-5" in pair}
    assert got == asked(Isl(seam=False), **IRIDIUM_FIELDS) - lost | {frozenset(("net-2-4", "net-2-6"))}
    assert len(arranged.strays) == 0


def test_a_spare_beside_a_slot_takes_its_place_in_the_ring_and_no_link_from_another_plane():
    full = flown(**IRIDIUM_FIELDS)
    spare = shifted(full[2 * 11 + 5], latitude_deg=3)
    got, _ = linked(Isl(seam=False), [*full, spare])
    ends = {frozenset(("net-2-5", "odd")), frozenset(("odd", "net-2-6"))}
    assert got == asked(Isl(seam=False), **IRIDIUM_FIELDS) - {frozenset(("net-2-5", "net-2-6"))} | ends


@pytest.mark.parametrize("odd", [{"altitude_km": -40}, {"altitude_km": 25}, {"raan_deg": 12}])
def test_a_satellite_at_another_altitude_or_between_planes_changes_no_link_of_others(odd):
    full = flown(**IRIDIUM_FIELDS)
    satellites = [shifted(full[30], **odd), *full]
    got, arranged = linked(GRID, satellites)
    assert got == asked(GRID, **IRIDIUM_FIELDS)
    assert arranged.strays.tolist() == [0]
    assert arranged.plane.tolist() == [6, *(n // 11 for n in range(66))]


def test_planes_of_unequal_numbers():
    """20 and 22 evenly: rings are whole, and nobody has more than one neighbour on a side."""
    shape = {"inclination_deg": 53, "altitude_km": 550, "planes": 1}
    satellites = [
        renamed(s, f"{plane}-{s.slot}")
        for plane in range(6)
        for s in flown(**shape, per_plane=20 + plane % 2 * 2, raan0_deg=60 * plane)
    ]
    got, arranged = linked(GRID, satellites)
    assert np.bincount(arranged.plane).tolist() == [20, 22] * 3
    rings, _ = linked(RING, satellites)
    assert len(rings) == len(satellites)
    sides = {}
    for one, other in (sorted(pair) for pair in got - rings):
        for end, beside in ((one, other), (other, one)):
            sides.setdefault((end, beside[0]), []).append(beside)
    assert {len(beside) for beside in sides.values()} == {1}
    assert len(got - rings) > 6 * 16


def test_two_shells_of_one_file_are_linked_each_for_itself():
    inner = {"planes": 8, "per_plane": 10, "inclination_deg": 53.0, "altitude_km": 550, "phasing": 3}
    outer = {"planes": 6, "per_plane": 9, "inclination_deg": 53.2, "altitude_km": 540, "phasing": 1}
    mixed = [*flown(**inner), *(renamed(s, f"o{s.name}") for s in flown(**outer))]
    mixed = [mixed[n] for n in np.random.default_rng(1).permutation(len(mixed))]
    got, arranged = linked(GRID, mixed)
    others = {frozenset(f"o{name}" for name in pair) for pair in asked(GRID, **outer)}
    assert got == asked(GRID, **inner) | others
    assert [chain[:2] for chain in arranged.chains] == [(0, 8), (8, 6)]


SHELLS_IN_USE = [
    IRIDIUM_FIELDS | {"phasing": 3},
    {"planes": 72, "per_plane": 22, "inclination_deg": 53.0, "altitude_km": 550, "phasing": 39},
    {"planes": 34, "per_plane": 34, "inclination_deg": 51.9, "altitude_km": 630, "phasing": 3},
    {"planes": 18, "per_plane": 40, "inclination_deg": 87.9, "altitude_km": 1200, "phasing": 9,
     "raan_spacing_deg": 10.2},
]  # fmt: skip


@pytest.mark.parametrize("fields", SHELLS_IN_USE, ids=["iridium", "starlink", "kuiper", "oneweb"])
def test_a_shell_as_it_is_kept_with_a_tenth_of_it_lost_and_as_many_on_their_way(fields):
    """Kept within 0.1 deg of the plane, 0.3 deg of the slot, 0.7 km of altitude, 0.02 deg of inclination."""
    chance = np.random.default_rng(3)
    kept = [
        shifted(s, *chance.uniform(-1, 1, 4) * (0.1, 0.3, 0.7, 0.02), name=s.name) for s in flown(**fields)
    ]
    assert linked(GRID, kept)[0] == asked(GRID, **fields)
    left = [s for s in kept if chance.random() > 0.1]
    low = [
        shifted(kept[n], 0, chance.uniform(0, 360), -chance.uniform(20, 200), name=f"low-{n}")
        for n in range(0, len(kept), 10)
    ]
    got, _ = linked(GRID, [*left, *low])
    names = {s.name for s in left}
    wanted = {pair for pair in asked(GRID, **fields) if pair <= names}
    assert wanted <= got
    others = [{name.rsplit("-", 1)[0] for name in pair} for pair in got - wanted if pair <= names]
    bridges = sum(len(which) == 1 for which in others)  # over empty slots, in one plane
    assert bridges < 0.2 * len(kept)
    assert len(others) - bridges < 0.05 * len(kept)  # where slots side by side are empty


def test_geostationary_satellites_of_a_file_are_in_one_plane_by_longitude():
    ring = walker.satellites("geo", Layer(geostationary={"longitudes_deg": [80, 200, -40, 120]}), EPOCH)
    got, arranged = linked(RING, ring)
    assert arranged.plane.tolist() == [0] * 4
    assert got == {frozenset((f"geo-{a}", f"geo-{b}")) for a, b in [(0, 3), (3, 1), (1, 2), (2, 0)]}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(*[st.floats(0, 360)] * 2, st.floats(0, 180), st.floats(1, 16)), max_size=12))
def test_whatever_flies_each_has_a_place_of_its_own(orbits):
    satellites = [
        s
        for raan, anomaly, inclination, motion in orbits
        for s in flown(
            planes=1, per_plane=1, inclination_deg=inclination, mean_motion_rev_day=motion, raan0_deg=raan,
            mean_anomaly0_deg=anomaly,
        )
    ]  # fmt: skip
    arranged = planes.found([s.satrec for s in satellites], EPOCH)
    places = set(zip(arranged.plane.tolist(), arranged.slot.tolist(), strict=True))
    assert len(places) == len(satellites)
    assert sum(chain.planes for chain in arranged.chains) == len(set(arranged.plane.tolist()))
    found = pairs(GRID, arranged)
    assert (found.a < found.b).all()


def test_a_file_of_strangers_has_no_pattern(tmp_path):
    strangers = [*flown(planes=1, per_plane=1, inclination_deg=53, altitude_km=550)]
    strangers += [shifted(strangers[0], altitude_km=km, name=f"odd{km}") for km in (60, 120)]
    (tmp_path / "odd.tle").write_text(tle(strangers))
    (tmp_path / "x.yaml").write_text(
        "name: x\nepoch: 2026-05-02\nduration_s: 60\nlayers:\n  net:\n    elements: odd.tle\n"
        "    isl: {pattern: ring}\n"
    )
    with pytest.raises(
        ScenarioError, match=r"line 7: layers\.net\.isl\.pattern is ring, but no two of the 3 sat"
    ):
        Scenario.load(tmp_path / "x.yaml")


def test_a_ring_of_a_file_that_the_earth_always_hides(tmp_path):
    (tmp_path / "six.tle").write_text(tle(flown(planes=1, per_plane=6, inclination_deg=53, altitude_km=550)))
    (tmp_path / "x.yaml").write_text(
        "name: x\nepoch: 2026-05-02\nduration_s: 60\nlinks: {far: {rate_mbps: 1}}\nlayers:\n  net:\n"
        "    elements: six.tle\n    isl: {pattern: ring, link: far}\n"
    )
    with pytest.raises(
        ScenarioError, match=r"neighbours are 69\d\d km apart and the Earth is between them: no link"
    ):
        Scenario.load(tmp_path / "x.yaml")


def test_a_fault_of_a_plane_of_a_file(tmp_path):
    fields = {
        "name": "x", "epoch": EPOCH, "duration_s": 60,
        "layers": {"net": {"elements": tle(flown(**IRIDIUM_FIELDS)), "isl": {"pattern": "ring"}}},
        "faults": [{"kind": "carrier", "plane": ["net", 2], "at_s": 10, "for_s": 10}],
    }  # fmt: skip
    plan = Plan.make(Scenario.model_validate(fields))
    assert {plan.links[n].name.split("-")[1] for n in plan.lost["link"]} == {"2"}
    assert len(plan.lost) == 11


@pytest.mark.parametrize("offsets", [[(1, -1)], [(2, 1), (0, 2)], [(-1, 1), (1, 1)]])
def test_a_motif_among_the_satellites_of_a_file(offsets):
    isl = Isl(offsets=offsets)
    got, _ = linked(isl, flown(**IRIDIUM_FIELDS))
    assert isl.pattern == "motif"
    assert got == asked(isl, **IRIDIUM_FIELDS)

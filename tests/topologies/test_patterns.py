import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skybed.topologies.contacts.patterns import pairs
from skybed.topologies.model.space import Isl, Layer, Walker
from skybed.topologies.orbits import planes
from skybed.topologies.orbits.walker import positions_km

EPOCH = dt.datetime(2026, 5, 2, tzinfo=dt.UTC)


def layer(planes, per_plane, isl="grid", seam=True, **walker):
    shape = Walker(planes=planes, per_plane=per_plane, inclination_deg=53, altitude_km=550, **walker)
    return Layer(walker=shape, isl=Isl(pattern=isl, seam=seam))


def of(layer):
    return pairs(layer.isl, planes.of_layer(layer, [], EPOCH))


def test_a_grid_has_two_links_per_satellite():
    found = of(layer(6, 8))
    assert len(found.a) == 2 * 48
    assert found.between.sum() == 48
    assert (np.bincount(np.concatenate([found.a, found.b])) == 4).all()


def test_without_seam_the_outer_planes_have_three():
    found = of(layer(6, 8, seam=False))
    degree = np.bincount(np.concatenate([found.a, found.b])).reshape(6, 8)
    assert (degree[[0, 5]] == 3).all()
    assert (degree[1:5] == 4).all()


def test_a_ring_closes_each_plane():
    found = of(layer(2, 3, isl="ring"))
    assert list(zip(found.a, found.b, strict=True)) == [(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)]
    assert not found.between.any()


@pytest.mark.parametrize(("per_plane", "links"), [(1, 0), (2, 1), (3, 3)])
def test_small_rings_have_no_double_links(per_plane, links):
    assert len(of(layer(1, per_plane, isl="ring")).a) == links


@pytest.mark.parametrize("raan", [{"raan_spacing_deg": 31.6}, {"raan_spread_deg": 200}, {"pattern": "star"}])
def test_planes_that_do_not_go_round_have_a_seam_slot_by_slot(raan):
    """Across it satellites fly against each other: no phase of theirs would last."""
    shape = {"planes": 6, "per_plane": 8, "inclination_deg": 86, "altitude_km": 780, "phasing": 3} | raan
    found = of(Layer(walker=Walker(**shape), isl=Isl(pattern="grid")))
    seam = found.between & (found.a < 8) & (found.b >= 40)
    assert (found.b[seam] - found.a[seam] == 40).all()


@pytest.mark.parametrize("phasing", [0, 1, 5, "half-slot"])
def test_neighbours_across_the_seam_are_like_any_others(phasing):
    shell = layer(6, 8, phasing=phasing)
    found = of(shell)
    r = positions_km(shell.walker)
    seam = found.between & (found.a < 8) & (found.b >= 40)
    inner = found.between & ~seam
    apart = np.linalg.norm(r[found.a] - r[found.b], axis=1)
    assert seam.sum() == 8
    assert apart[seam].max() <= apart[inner].max() + 1
    assert apart[seam].min() >= apart[inner].min() - 1


SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(0, 12), st.booleans())


@given(SHAPES, st.sampled_from(["delta", "star"]))
def test_the_grid_is_a_motif(shape, kind):
    planes, per_plane, phasing, seam = shape
    walker = {"phasing": phasing, "pattern": kind}
    grid = layer(planes, per_plane, seam=seam, **walker)
    motif = motif_of(grid, [(0, 1), (1, 0)])
    assert all((a == b).all() for a, b in zip(of(grid), of(motif), strict=True))
    ring = layer(planes, per_plane, "ring", **walker)
    assert all((a == b).all() for a, b in zip(of(ring), of(motif_of(ring, [(0, -1)])), strict=True))


@given(SHAPES, st.tuples(st.integers(-4, 4), st.integers(-13, 13)).filter(any))
def test_an_offset_leads_so_many_planes_and_satellites_on(shape, offset):
    """Counted by slots: over the seam slot s goes on as slot s + F."""
    planes, per_plane, phasing, seam = shape
    on, along = offset
    expected = set()
    for p in range(planes):
        for s in range(per_plane):
            turns, plane = divmod(p + on, planes)
            inside = turns == 0 or (seam and abs(on) < planes)
            other = plane * per_plane + (s + along + turns * phasing) % per_plane
            if inside and other != p * per_plane + s:
                expected.add(frozenset((p * per_plane + s, other)))
    found = of(motif_of(layer(planes, per_plane, seam=seam, phasing=phasing), [offset]))
    assert {frozenset(pair) for pair in zip(found.a.tolist(), found.b.tolist(), strict=True)} == expected
    assert (found.between == (on != 0)).all()


def motif_of(shell, offsets):
    isl = shell.isl.model_copy(update={"pattern": "motif", "offsets": offsets})
    return shell.model_copy(update={"isl": isl})

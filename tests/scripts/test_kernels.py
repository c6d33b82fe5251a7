"""What several kernels on one machine are given, and what of theirs becomes the run's."""

from contextlib import ExitStack

import numpy as np
import pytest

from skybed.scripts.running import handover
from skybed.scripts.running.kernels import APART_US, MARGIN_US, Kernels
from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan import cores
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

GRACE_S = 1.0
WALKER = {"planes": 6, "per_plane": 3, "inclination_deg": 50, "altitude_km": 8000}
MESH = {
    "name": "mesh",
    "epoch": "2026-05-09T00:00:00Z",
    "duration_s": 4,
    "links": {"long": {"rate_mbps": 10}},
    "layers": {
        "mesh": {
            "walker": WALKER,
            "isl": {"pattern": "grid", "link": "long"},
        }
    },
    "traffic": [{"kind": "probe", "name": "p", "from": "mesh-0-0", "to": "mesh-2-1"}],
}


@pytest.fixture(scope="module")
def mesh():
    return Plan.make(Scenario.model_validate(MESH)).kept()


@pytest.fixture
def out(tmp_path):
    """A run directory after the hand-over."""
    for name in (handover.PLAN, handover.FOLDER):
        (tmp_path / name).mkdir()
    return tmp_path


def test_each_has_a_folder_from_which_the_plan_is_to_be_seen(mesh, out):
    kernels = Kernels.prepare(mesh, out, 3, GRACE_S)
    assert kernels.folders == [out, out / "elsewhere" / "kernel-1", out / "elsewhere" / "kernel-2"]
    for folder in kernels.folders[1:]:
        for name in (handover.PLAN, handover.FOLDER):
            assert (folder / name).resolve() == (out / name).resolve()
    given, one_way_us = handover.take_kernels(kernels.folders[2])
    assert given.tolist() == kernels.place.tolist() == cores.place(mesh, 3).tolist()
    assert one_way_us == kernels.one_way_us
    assert kernels.of_node["mesh-0-0"] == kernels.of_node["mesh-2-1"] == 0
    assert {*kernels.of_node.values()} == {0, 1, 2}


def test_a_wire_takes_a_little_less_than_the_shortest_link_that_crosses_in_whole_us(out):
    low = {"planes": 12, "per_plane": 10, "inclination_deg": 60, "altitude_km": 1160}
    plan = Plan.make(Scenario.model_validate(MESH).with_({"layers.mesh.walker": low})).kept()
    kernels = Kernels.prepare(plan, out, 2, GRACE_S)
    least_us = cores.least_delay_us(plan, kernels.place, GRACE_S)
    assert kernels.one_way_us == int(kernels.one_way_us)
    assert MARGIN_US <= least_us - kernels.one_way_us < MARGIN_US + 1
    assert 1000 < kernels.one_way_us < APART_US


def test_nor_more_than_a_hundredth_of_a_second_however_long_links_are(mesh, out):
    kernels = Kernels.prepare(mesh, out, 2, GRACE_S)
    assert cores.least_delay_us(mesh, kernels.place, GRACE_S) > kernels.one_way_us == APART_US


def test_kernels_without_a_link_between_them_have_wires_all_the_same(out):
    """They are of one run, and play it by one clock."""
    plan = Plan.make(Scenario.model_validate(MESH | {"layers": {"mesh": {"walker": WALKER}}})).kept()
    kernels = Kernels.prepare(plan, out, 2, GRACE_S)
    assert cores.least_delay_us(plan, kernels.place) == np.inf and kernels.one_way_us == APART_US


def test_each_is_told_its_number_and_knows_the_others(mesh, out):
    kernels = Kernels.prepare(mesh, out, 3, GRACE_S)
    with ExitStack() as closing:
        each = [*kernels.each(closing)]
        assert [folder for folder, *_ in each] == kernels.folders
        assert [nodes for _, nodes, _, _ in each] == np.bincount(kernels.place).tolist()
        assert [words for _, _, words, _ in each] == [["--kernel=0"], ["--kernel=1"], ["--kernel=2"]]
        assert [len(wiring.ends) for *_, wiring in each] == [2, 2, 2]
        assert {wiring.one_way_ns for *_, wiring in each} == {round(kernels.one_way_us * 1000)}


def test_a_sky_that_cannot_be_parted_so_often_is_refused_before_anything_is_made(mesh, out):
    before = sorted(out.rglob("*"))
    with pytest.raises(ScenarioError, match=r"^--cores asks for 18, and this sky has 17 groups of nodes "):
        Kernels.prepare(mesh, out, 18, GRACE_S)
    assert sorted(out.rglob("*")) == before

"""What a page of a sky is given, and what it is made of; test_view_page.py opens it in a browser."""

import base64
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from skybed.analysis.pages.view import network, packing, places, writing
from skybed.topologies.orbits import ground_tracks
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.tiny_sky import TINY, plan_of

HERE = Path(writing.__file__).parent
SOURCES = {file.stem: file.read_text(encoding="utf-8") for file in (HERE / "browser").glob("*.js")}
HIGH = {
    "layers": {
        "geo": {"geostationary": {"longitudes_deg": [110]}},
        "tundra": {"walker": {"planes": 1, "per_plane": 2, "inclination_deg": 63.4, "altitude_km": 20000,
                              "eccentricity": 0.2}},
    },
}  # fmt: skip


def unpacked(text):
    body = zlib.decompress(base64.b64decode(text))
    length = int.from_bytes(body[:4], "little")
    head = json.loads(body[4 : 4 + length])
    begin = -(-(4 + length) // 8) * 8
    kinds = {name: kind for kind, name in packing.TYPES.items()}
    arrays = {
        name: np.frombuffer(body, f"<{kinds[kind]}", count, begin + at)
        for name, (kind, at, count) in head.pop("arrays").items()
    }
    return head, arrays


def test_a_pack_is_read_back_as_it_was():
    arrays = {
        "few": packing.narrow(np.array([0, 255])), "more": packing.narrow(np.array([256])),
        "many": packing.narrow(np.array([70000, 1, 2])), "none": packing.narrow(np.array([], int)),
        "times": np.array([0.1, np.inf]), "halves": np.array([0.5, np.nan], "f4"),
    }  # fmt: skip
    head, again = unpacked(packing.packed({"about": "星 <b>"}, arrays))
    assert head == {"about": "星 <b>"}
    assert [again[name].dtype.itemsize for name in arrays] == [1, 2, 4, 1, 8, 4]
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)


def hermite(table, step_s, t_s):
    """As the page does: between knots that hold position and velocity."""
    k = min(int(t_s / step_s), table.shape[1] - 2)
    s = t_s / step_s - k
    here, there = table[:, k].astype(float), table[:, k + 1].astype(float)
    ends = (1 + 2 * s) * (1 - s) ** 2 * here[:, :3] + s * s * (3 - 2 * s) * there[:, :3]
    return ends + step_s * s * (1 - s) * ((1 - s) * here[:, 3:] - s * there[:, 3:])


@pytest.mark.parametrize(
    ("fields", "least_step_s", "rounded_m"),
    [({}, 100, 0.7), (HIGH, 100, 5)],
    ids=["low orbits", "high orbits"],
)
def test_satellites_are_within_metres_of_where_the_plan_has_them(fields, least_step_s, rounded_m):
    plan = plan_of(TINY | {"duration_s": 900, "access": [], "traffic": []} | fields)
    sky = plan.network.sky
    step_s, table = places.knots(sky, plan.duration_s)
    assert step_s >= least_step_s
    for t_s in np.linspace(0, plan.duration_s, 61).tolist():
        true_km = ground_tracks.fixed_km(sky, np.arange(sky.satellites), np.array(t_s))
        off_m = 1e3 * np.linalg.norm(hermite(table, step_s, t_s) - true_km, axis=1)
        assert off_m.max() < places.ERROR_M + rounded_m


def test_a_long_plan_has_all_knots_within_it():
    plan = plan_of(TINY)
    step_s, table = places.knots(plan.network.sky, plan.duration_s)
    assert step_s * (table.shape[1] - 1) == pytest.approx(plan.duration_s)


def test_an_aircraft_is_within_metres_of_its_track():
    plan = Plan.make(Scenario.load("flight"))
    sky = plan.network.sky
    counts, t_s, points_km = places.ground(sky, plan.duration_s)
    assert counts[0] == counts[1] == 1 and counts[2] > 10
    first, node = counts[:2].sum(), plan.node("cabin")
    at_s = np.linspace(0, plan.duration_s, 101)
    between_km = np.stack([np.interp(at_s, t_s[first:], points_km[first:, i]) for i in range(3)], axis=1)
    assert 1e3 * np.linalg.norm(between_km - ground_tracks.fixed_km(sky, node, at_s), axis=1).max() < 2.5


def test_delays_are_those_of_the_events_to_the_nanosecond():
    plan = Plan.make(Scenario.load("sc-mini").in_virtual_time(), duration_s=20)
    arrays = network.arrays(plan, with_routes=False)
    events = plan.events.whole()
    for link in (0, 17, len(plan.links) - 1):
        its = events[(events["link"] == link) & (events["property"] == 1)]
        rows = slice(*arrays["delay"][link : link + 2].tolist())
        np.testing.assert_array_equal(arrays["delay_s"][rows], its["t_s"])
        np.testing.assert_allclose(arrays["delay_ns"][rows], its["value"] * 1e3, rtol=0, atol=0.5)
        np.testing.assert_array_equal(arrays["delay_slope"][rows], its["slope"] * 1e3)
    assert "route" not in arrays


def test_the_same_plan_gives_the_same_file(tmp_path):
    pages = [tmp_path / "a.html", tmp_path / "b.html"]
    for page in pages:
        writing.write(page, plan_of(TINY))
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert len(pages[0].read_bytes()) < 300_000


# -- what it is made of ----------------------------------------------------------------------------


def test_every_language_has_every_text_and_its_values():
    words = writing.words()
    assert {"en", "zh"} <= words.keys()
    for name, text in words["en"].items():
        for language, table in words.items():
            assert table.keys() == words["en"].keys(), language
            assert sorted(re.findall(r"\{\w+\}", table[name])) == sorted(re.findall(r"\{\w+\}", text)), name


def test_every_text_that_the_page_says_is_in_the_table_and_no_other():
    markup = (HERE / "view.html").read_text(encoding="utf-8")
    code = "".join(SOURCES.values())
    said = {*re.findall(r'\bsay\("(\w+)"', code), *re.findall(r'data-(?:word|title)="(\w+)"', markup)}
    made = {"clock_real", "clock_virtual", "language"}
    made |= {name for name in writing.words()["en"] if name.startswith(("event_", "stage_", "outcome_"))}
    named = {name for name in writing.words()["en"] if f'"{name}"' in code + markup}
    assert said - made <= named
    assert named | made == writing.words()["en"].keys()


def test_modules_import_what_others_export():
    for name, source in SOURCES.items():
        for wanted, other in re.findall(r'import \{([^}]*)\} from "view/(\w+)"', source):
            exported = re.findall(r"export (?:async )?(?:function|class|const) (\w+|\$)", SOURCES[other])
            assert {part.strip() for part in wanted.split(",")} <= {*exported}, (name, other)


def test_outlines_of_land_come_with_their_licence():
    assert "Michael Bostock" in (HERE / "land-110m.LICENSE").read_text()

"""Links that a table names."""

import pathlib
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skybed.topologies.contacts import listed
from skybed.topologies.contacts.visibility import Conditions, intervals
from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario import file
from skybed.topologies.scenario.file import Scenario

SKY = """\
name: sky
epoch: 2026-05-09T00:00:00Z
duration_s: 6000
layers:
  net:
    walker: "53:24/4/1 at 1200 km"
    isl: {links: links.csv, link: plain}
  low:
    walker: "97.5:3/1/0 at 600 km"
stations: [miyun, beijing, sanya]
links:
  plain: {rate_mbps: 1, max_range_km: 6000}
  slow: {rate_mbps: 1, max_range_km: 6000, setup_s: 7}
  radio: {rate_mbps: 1, min_elevation_deg: 20}
"""


@pytest.fixture
def load(tmp_path):
    def read(*rows, sky=SKY):
        (tmp_path / "links.csv").write_text("\n".join(rows) + "\n")
        (tmp_path / "sky.yaml").write_text(sky)
        return Scenario.load(tmp_path / "sky.yaml")

    return read


def contacts(scenario):
    """(start_s, end_s) by the name of the link."""
    plan = Plan.make(scenario)
    found = {link.name: [] for link in plan.links}
    for row in plan.contacts.itertuples():
        found[plan.links[row.link].name].append((row.start_s, row.end_s))
    return found


def seen(scenario, a, b, **limits):
    plan = Plan.make(scenario)
    ends = (np.array([plan.node(name)]) for name in (a, b))
    found = intervals(plan.network.sky, *ends, Conditions(**limits), 6000)
    return list(zip(found.start_s.tolist(), found.end_s.tolist(), strict=True))


SIGHT = {"max_range_km": 6000, "min_radius_km": 6378.135 + 80}


def test_a_listed_link_stands_while_it_can(load):
    scenario = load("a,b", "net-1-2,low-0-1", "net-0-1,net-0-2")
    made = contacts(scenario)
    assert set(made) == {"net-1-2--low-0-1"} | ({"net-0-1--net-0-2"} & set(made))
    expected = seen(scenario, "net-1-2", "low-0-1", **SIGHT)
    assert len(expected) == 3
    assert made["net-1-2--low-0-1"] == [pytest.approx(span, abs=1e-5) for span in expected]


def test_from_and_until_cut_it_and_it_has_been_acquired_before(load):
    rows = ["net-1-2,low-0-1,slow,100,2500", "net-1-2,low-0-1,slow,2600.5,", "net-1-0,low-0-1,slow,,90", ""]
    scenario = load("a,b,class,from,until", *rows)
    whole = contacts(load("a,b,class", "net-1-2,low-0-1,slow"))["net-1-2--low-0-1"]
    cut = [(max(a, c), min(b, d)) for a, b in whole for c, d in ((100, 2500), (2600.5, np.inf))]
    expected = [pytest.approx(span, abs=1e-5) for span in cut if span[0] < span[1]]
    assert contacts(scenario)["net-1-2--low-0-1"] == expected
    view = seen(scenario, "net-1-2", "low-0-1", **SIGHT)
    assert [a for a, _ in whole] == pytest.approx([a + 7 * (a > 0) for a, _ in view], abs=1e-5)


def test_a_station_sees_a_listed_satellite_over_the_elevation_of_the_class(load):
    scenario = load("a;b;class", "miyun;net-0-0;radio", "net-0-0;sanya;plain")
    made = contacts(scenario)
    for station, elevation_deg, limits in (("miyun", 20, {}), ("sanya", 0, {"max_range_km": 6000})):
        view = seen(scenario, station, "net-0-0", min_elevation_deg=elevation_deg, **limits)
        assert made.get(f"net-0-0--{station}", []) == [pytest.approx(span, abs=1e-5) for span in view]
    assert {link.kind for link in Plan.make(scenario).links} == {"access"}


def test_the_table_goes_with_the_scenario(load, tmp_path):
    scenario = load("a,b", "net-1-2,low-0-1")
    Plan.make(scenario, duration_s=60).save(tmp_path / "plan")
    (tmp_path / "links.csv").unlink()
    assert Plan.load(tmp_path / "plan").scenario == scenario
    assert file.parse(scenario.dump(), "dump.yaml", pathlib.Path("/nowhere")) == scenario


@pytest.mark.parametrize(
    "rows, says",
    [
        (["a,b", "net-0-0,net-0-9"], "names net-0-9 in line 2 of links.csv, but there is no such node (did"),
        (["a,b", "", "net-0-0,beijing"], "names beijing in line 3 of links.csv, which has no antenna."),
        (["a,b", "miyun,sanya"], "has two stations in line 2 of links.csv; a line between them is fibre."),
        (["a,b", "net-0-0,net-0-0"], "has net-0-0 at both ends in line 2 of links.csv."),
        (["a,b,class", "net-0-0,net-0-1,plane"],
         "has the class plane in line 2 of links.csv, neither in links nor in the catalogue (did"),
        (["a,c", "1,2"], "cannot be used: line 1 of links.csv has the column c"),
        (["a,b,untill", "1,2,3"], "cannot be used: line 1 of links.csv has the column untill (did you mean"),
        (["a,from", "1,2"], "cannot be used: line 1 of links.csv, of names of columns, has no b."),
        (["a,b,a", "1,2,3"], "cannot be used: line 1 of links.csv has the column a twice."),
        (["a,b", "net-0-0"], "cannot be used: line 2 of links.csv has 1 columns, and line 1 names 2."),
        (["a,b,from", "net-0-0,net-0-1,soon"],
         "cannot be used: line 2 of links.csv has from soon; it must be seconds of run time, 0 or more."),
        (["a,b,until", "net-0-0,net-0-1,-1"],
         "cannot be used: line 2 of links.csv has until -1; it must be seconds of run time, 0 or more."),
        (["a,b,from,until", "net-0-0,net-0-1,10,10"],
         "cannot be used: line 2 of links.csv has until 10; it must be more than from, 10."),
        (["a,b,class", "net-0-0,low-0-1,slow", "low-0-1,net-0-0,plain"],
         "gives low-0-1 and net-0-0 another class in line 3 of links.csv than in line 2."),
        (["a,b", ",net-0-1"], "cannot be used: line 2 of links.csv has no a."),
        ([""], "(links.csv) cannot be used: it is empty."),
    ],
)  # fmt: skip
def test_a_bad_row_is_told_with_its_line(load, rows, says):
    with pytest.raises(ScenarioError, match=re.escape(f"sky.yaml, line 7: layers.net.isl.links {says}")):
        load(*rows)


def test_a_table_of_links_beside_the_grid_of_a_layer(load):
    grid = SKY.replace("{links: links.csv, link: plain}", "{pattern: ring, link: far}")
    sky = grid + "  far: {rate_mbps: 1}\nbetween:\n  - {links: links.csv, link: plain}\n"
    scenario = load("a,b", "net-1-2,low-0-1", sky=sky)
    assert {link.class_name for link in Plan.make(scenario).links} == {"far", "plain"}
    with pytest.raises(ScenarioError, match=r"line 17: between\[0\]\.links names low-0-3 in line 2 of links"):
        load("a,b", "net-1-2,low-0-3", sky=sky)


def test_fields_of_other_patterns(load):
    for isl, says in (
        ("{pattern: grid, links: links.csv}", "isl.links is for the pattern listed, and this is grid."),
        ("{pattern: listed}", "isl.pattern is listed, and there is no links."),
        ("{links: link.csv}", "link.csv: there is no such link file (did you mean links.csv?)."),
    ):
        with pytest.raises(ScenarioError, match=re.escape(says)):
            load("a,b", sky=SKY.replace("{links: links.csv, link: plain}", isl))


@given(st.text(alphabet=st.sampled_from('ab,;"\n\t 0.-clasfromunti'), max_size=60))
def test_whatever_stands_in_it_the_answer_is_rows_or_our_error(text):
    try:
        found = listed.read(text)
    except ScenarioError as error:
        assert re.match(r"line \d+", str(error))
    else:
        assert all(row.a and row.b and row.from_s < row.until_s for row in found)


def test_the_example_of_the_reference():
    text = (pathlib.Path(__file__).parents[2] / "docs" / "scenario.md").read_text()
    example = re.search(r"#### Listed links\n.*?```yaml\n(.*?)```", text, re.DOTALL)
    head = "name: listed\nepoch: 2026-05-09\nduration_s: 60\nstations: [miyun]\n"
    scenario = file.parse(head + example[1], "docs/scenario.md", pathlib.Path())
    assert [row.place for row in listed.read(scenario.layers["lower"].isl.links)] == [
        "line 2",
        "line 3",
        "line 4",
    ]
    assert any("lower-0-0--" in link.name or "--lower" in link.name for link in Plan.make(scenario).links)

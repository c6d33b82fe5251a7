# ruff: noqa: E501 (messages stand in one piece, as they are read)
"""Scenario files: what is wrong is said by file, line and field, and what is right comes back the same."""

import datetime as dt
import pathlib
import re

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pytest import approx, fixture, mark, raises

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import catalogue, kinds
from skybed.topologies.model.ground import Station
from skybed.topologies.model.links import LinkClass
from skybed.topologies.orbits.elements import layer_satellites
from skybed.topologies.scenario import file
from skybed.topologies.scenario.file import Scenario

SHIPPED = sorted((pathlib.Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
GOOD = """\
name: small
epoch: 2026-05-09 00:00:00
duration_s: 60
layers:
  relay:
    walker: {planes: 5, per_plane: 10, inclination_deg: 86.5, altitude_km: 1160, pattern: star}
    isl: {pattern: grid, seam: false}
  eo:
    walker: {planes: 1, per_plane: 3, inclination_deg: 97.5, altitude_km: 535}
stations: [miyun, kashi, beijing]
access:
  - {from: ground, to: relay, link: ka-gateway}
  - {from: eo, to: relay, link: laser-isl}
fibre: [{a: miyun, b: beijing}]
traffic:
  - {kind: probe, from: beijing, to: eo-0-0}
  - {kind: tcp, name: bulk, from: kashi, to: miyun}
  - {kind: probe, from: kashi, to: eo-0-1, protocol: echo}
faults:
  - {kind: silent, link: [relay-0-0, relay-0-1], at_s: 20, for_s: 5}
accept:
  - {flow: probe-1, metric: loss_pct, max: 1}
"""


def parse(text, name="small.yaml"):
    return file.parse(text, name, pathlib.Path("."))


def complaint(text):
    with raises(ScenarioError) as error:
        parse(text)
    return str(error.value)


@fixture(scope="module")
def good():
    return parse(GOOD)


# -- what is right ------------------------------------------------------------------------------


@mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_load_and_come_back_the_same(path):
    scenario = Scenario.load(path)
    again = parse(scenario.dump())
    assert again == scenario
    assert again.sha256 == scenario.sha256
    assert scenario.name == path.stem


@mark.parametrize(
    "name, satellites, stations",
    [
        ("pair", 1, 2),
        ("ring12", 12, 5),
        ("sc-mini", 68, 6),
        ("sc-1000", 1000, 6),
        ("kuiper-630", 1156, 11),
        ("starlink-550", 1584, 24),
    ],
)
def test_shipped_scenarios_have_the_nodes_they_promise(name, satellites, stations):
    scenario = Scenario.load(next(path for path in SHIPPED if path.stem == name))
    assert (len(layer_satellites(scenario)), len(scenario.stations)) == (satellites, stations)


def test_an_epoch_without_a_time_zone_is_utc(good):
    assert good.epoch == dt.datetime(2026, 5, 9, tzinfo=dt.UTC)
    assert parse(GOOD.replace("00:00:00", "08:00:00+08:00")) == good
    assert parse(GOOD.replace(" 00:00:00", "")) == good


def test_stations_fly_too(good):
    high = parse(
        GOOD.replace("[miyun, ", "[{name: balloon, lat_deg: 40, lon_deg: 10, alt_m: 20000}, miyun, ")
    )
    assert high.stations[0].alt_m == 20_000
    assert "it must be at most 100000" in complaint(
        GOOD.replace("[miyun, ", "[{name: too-high, lat_deg: 40, lon_deg: 10, alt_m: 100001}, miyun, ")
    )


PUBLISHED = "name: p\nepoch: 2026-05-09\nduration_s: 60\nlayers:\n  s1: {constellation: kuiper-630}\n"


def test_a_constellation_of_the_catalogue_is_a_walker():
    scenario = parse(PUBLISHED)
    walker = "{planes: 34, per_plane: 34, inclination_deg: 51.9, altitude_km: 630, phasing: 3}"
    written = parse(PUBLISHED.replace("constellation: kuiper-630", f"walker: {walker}"))
    assert scenario == written
    assert scenario.sha256 == written.sha256
    assert parse(scenario.dump()) == scenario
    assert scenario.with_(duration_s=5).layers["s1"].walker == written.layers["s1"].walker


@mark.parametrize(
    "old, new, says",
    [
        ("kuiper-630", "kuiper-360", "constellation kuiper-360 is not a constellation of the catalogue (did you mean "
         "kuiper-630?)."),
        ("kuiper-630", "kuiper-630, walker: 53:10/5/1 at 550 km", " has constellation and walker; give one of them."),
        ("kuiper-630", "[1]", "constellation is a list; it must be text (put it in quotes)."),
        ("constellation:", "constelation:", "constelation is not a field (did you mean constellation?)."),
    ],
)  # fmt: skip
def test_a_constellation_that_cannot_be(old, new, says):
    dot = "" if says.startswith(" ") else "."
    assert complaint(PUBLISHED.replace(old, new)) == f"small.yaml, line 5: layers.s1{dot}{says}"


def test_degrees_need_no_quotes():
    """YAML 1.1 takes 78:13:47 for a number of base 60."""
    scenario = parse(GOOD.replace("[miyun, ", "[{name: x, lat_deg: -33:52:10, lon_deg: 15:24:28.5}, miyun, "))
    assert (scenario.stations[0].lat_deg, scenario.stations[0].lon_deg) == approx((-33.869444, 15.407917))


def test_flows_without_a_name_are_numbered_by_kind(good):
    assert [flow.name for flow in good.traffic] == ["probe-1", "bulk", "probe-2"]


def test_a_station_of_the_catalogue_may_have_more_than_a_name():
    named = GOOD.replace(
        "[miyun, kashi, beijing]", "[{name: miyun, label: 密云, antenna: false}, kashi, beijing]"
    )
    station = parse(named).stations[0]
    assert (station.label, station.antenna) == ("密云", False)
    assert station.place == approx(
        (catalogue.STATIONS["miyun"]["lat_deg"], catalogue.STATIONS["miyun"]["lon_deg"])
    )


@mark.parametrize(
    "station, says",
    [
        (
            "{name: Miyun, label: x}",
            "stations[0] has no place, and Miyun is not a station of the catalogue (did you mean miyun?).",
        ),
        (f"{{name: miyun, label: {'x' * 41}}}", "is no text of one line of at most 40 characters."),
        ('{name: miyun, label: "a\\nb"}', "is no text of one line of at most 40 characters."),
        ('{name: miyun, label: " "}', "is no text of one line of at most 40 characters."),
    ],
)
def test_what_is_wrong_with_a_station_of_the_catalogue_is_told(station, says):
    assert says in complaint(GOOD.replace("[miyun, kashi, beijing]", f"[{station}, kashi, beijing]"))


def test_stations_of_the_catalogue_have_their_coordinates(good):
    assert good.stations[2] == Station(name="beijing", lat_deg=40.07, lon_deg=116.27, antenna=False)


def test_rates_are_scaled_and_own_link_classes_come_first(good):
    assert good.link_class("laser-isl") == LinkClass(rate_mbps=10_000, setup_s=(12, 30), max_range_km=5000)
    own = parse(GOOD + "rate_scale: 0.01\nlinks: {laser-isl: {rate_mbps: 500}}\n")
    assert own.link_class("laser-isl") == LinkClass(rate_mbps=5)
    assert own.link_class("ka-gateway").rate_mbps == 20
    with raises(
        ScenarioError, match=re.escape("small.yaml: there is no link class laser (did you mean laser-isl?)")
    ):
        own.link_class("laser")


def test_the_hash_is_of_the_content_and_not_of_the_layout(good):
    assert parse("# A comment.\nseed: 1\n" + GOOD).sha256 == good.sha256
    assert parse("seed: 2\n" + GOOD).sha256 != good.sha256


def test_a_field_can_be_found_again(good):
    assert good.where("faults", 0, "link") == "small.yaml, line 20: faults[0].link"
    assert good.where("routing", "protocol") == "small.yaml, line 1: routing.protocol"


def test_the_catalogue_is_valid(good):
    classes = {f"c{number}": link for number, link in enumerate(catalogue.LINKS.values())}
    for name, link in good.with_({"links": classes}).links.items():
        assert all(way.radio or way.rate_mbps > 0 for way in map(link.capable, (True, False))), name
    for name, place in catalogue.STATIONS.items():
        Station(name=name, **place)
    assert len(catalogue.CITIES) >= 20


scenarios = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[a-z0-9]{1,15}", fullmatch=True),
        "about": st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
        "epoch": st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2050, 1, 1)),
        "duration_s": st.floats(1e-3, 2.5e6),
        "rate_scale": st.floats(1e-6, 1),
        "layers": st.dictionaries(
            st.from_regex(r"[a-z]{1,5}", fullmatch=True),
            st.fixed_dictionaries(
                {
                    "walker": st.fixed_dictionaries(
                        {
                            "planes": st.integers(1, 3),
                            "per_plane": st.integers(1, 3),
                            "inclination_deg": st.floats(0, 180),
                            "altitude_km": st.floats(200, 2000),
                            "raan0_deg": st.floats(-1e3, 1e3),
                        }
                    )
                }
            ),
            min_size=1,
            max_size=3,
        ),
        "links": st.dictionaries(
            st.from_regex(r"[a-z]{1,8}", fullmatch=True),
            st.fixed_dictionaries(
                {
                    "rate_mbps": st.floats(1e-3, 1e6),
                    "setup_s": st.one_of(st.floats(0, 100), st.just([1.5, 2.5])),
                }
            ),
            max_size=3,
        ),
        "stations": st.lists(st.sampled_from(sorted(catalogue.STATIONS)), unique_by=str.lower, max_size=4),
    }
)


@settings(deadline=None, max_examples=50)
@given(scenarios)
def test_what_is_dumped_loads_the_same(fields):
    scenario = Scenario.model_validate(fields)
    again = parse(scenario.dump())
    assert again == scenario
    assert again.sha256 == scenario.sha256


# -- what is wrong ------------------------------------------------------------------------------


@mark.parametrize(
    "old, new, says",
    [
        ("planes: 5", "planes: 0", "line 6: layers.relay.walker.planes is 0; it must be at least 1."),
        ("planes: 5", "planes: five", "line 6: layers.relay.walker.planes is five; it must be a whole number."),
        ("planes: 5", "planes: 501", "line 6: layers.relay.walker.planes is 501; it must be at most 500."),
        ("planes: 5, ", "", "line 6: layers.relay.walker.planes is missing."),
        ("[{a: miyun, ", "[{a: miyun, 1: 2, ", "line 14: fibre[0].1 is not a field (there are a, b, link)."),
        ("pattern: grid", "patern: grid", "line 7: layers.relay.isl.patern is not a field (did you mean pattern?)."),
        ("pattern: star", "pattern: stat", "line 6: layers.relay.walker.pattern is stat; it must be delta or star (did you mean star?)."),
        ("86.5", "186.5", "line 6: layers.relay.walker.inclination_deg is 186.5; it must be at most 180."),
        ("star}", "star, phasing: x}", "line 6: layers.relay.walker.phasing is x; it must be a number or half-slot."),
        ("name: small", "name: no", "line 1: name is false; it must be text (put it in quotes)."),
        ("duration_s: 60", "duration_s: -60", "line 3: duration_s is -60; it must be more than 0."),
        ("duration_s: 60", "duration_s: .inf", "line 3: duration_s is inf; it must be a finite number."),
        ("duration_s: 60", "duration_s:", "line 3: duration_s is empty; it must be a number."),
        ("05-09", "15-09", "line 2: epoch is 2026-15-09 00:00:00; it must be a date and time in UTC such as "
         "2026-05-09T00:00:00Z."),
        ("[miyun, ", "[miun, ", "line 10: stations[0] miun is not a station of the catalogue (did you mean miyun?)."),
        ("[{a: miyun, b: beijing}]", "{a: miyun}", "line 14: fibre is a mapping; it must be a list."),
        ("kind: tcp", "kind: ftp", "line 17: traffic[1].kind is ftp; it must be probe, trace, udp, tcp, program, bundles or ccsds."),
        ("kind: tcp, ", "", "line 17: traffic[1].kind is missing; it must be probe, trace, udp, tcp, program, bundles or ccsds."),
        ("echo}", "echo, rate: 9}", "line 18: traffic[2].rate is not a field (did you mean rate_hz?)."),
        ("at_s: 20", "at_s: soon", "line 20: faults[0].at_s is soon; it must be a number."),
        ("[relay-0-0, relay-0-1]", "[relay-0-0]", "line 20: faults[0].link is a list; it must be a pair."),
        ("planes: 5", "planes: yes", "line 6: layers.relay.walker.planes is true; it must be a whole number."),
        ("duration_s: 60", "duration_s: on", "line 3: duration_s is true; it must be a number."),
        ("fibre:", "links: {x: {rate_mbps: 1, setup_s: [off, 2]}}\nfibre:",
         "line 14: links.x.setup_s[0] is false; it must be a number."),
        ("duration_s: 60", "duration_s: 1:30:00", "line 3: duration_s is 1:30:00; it must be a number."),
        ("2026-05-09 00:00:00", "26129.0", "line 2: epoch is 26129.0; it must be a date and time in UTC such as "
         "2026-05-09T00:00:00Z."),
        ("2026-05-09 00:00:00", "'2461169.5'", "line 2: epoch is 2461169.5; it must be a date and time in UTC such as "
         "2026-05-09T00:00:00Z."),
        ("2026-05-09 00:00:00", "20260509", "line 2: epoch is 20260509; it must be a date and time in UTC such as "
         "2026-05-09T00:00:00Z."),
        ("[miyun, ", "[{name: x, lat_deg: 78:13:47 E, lon_deg: 9}, ", "line 10: stations[0].lat_deg 78:13:47 E is not an "
         "angle; write degrees as 78.23, 78:13:47 or 78 13 47 N."),
        ("[miyun, ", "[{name: x, lat_deg: 91:00:00, lon_deg: 9}, ", "line 10: stations[0].lat_deg is 91:00:00; it must be "
         "at most 90."),
        ("name: small", "name: a--b", "line 1: name is a--b; it must be letters and digits, with single "
         "hyphens, dots or underscores between them."),
        ("name: small", f"name: {'x' * 41}", f"line 1: name is {'x' * 41}; it must be at most 40 letters and "
         "digits, with single hyphens, dots or underscores between them."),
    ],
)  # fmt: skip
def test_a_field_that_is_wrong_by_itself(old, new, says):
    assert old in GOOD
    assert complaint(GOOD.replace(old, new, 1)) == f"small.yaml, {says}"


@mark.parametrize(
    "model", [*dict.fromkeys(file.MODELS.values()), *(kinds.named(x).MODEL for x in kinds.names())]
)
def test_no_field_takes_true_for_a_number(model):
    """Whatever else is wrong with it, a field that takes 1 and knows no true does not take true."""

    def wrong(name, value):
        try:
            model.model_validate({name: value})
        except ValidationError as error:
            return [problem for problem in error.errors() if problem["loc"][:1] == (name,)]
        return []

    fields = {field.alias or name: str(field.annotation) for name, field in model.model_fields.items()}
    for name, annotation in fields.items():
        if "bool" not in annotation and not wrong(name, 1):
            assert wrong(name, True), name


@mark.parametrize(
    "old, new, says",
    [
        ("altitude_km: 1160", "altitude_km: 1160, mean_motion_rev_day: 13",
         "line 6: layers.relay.walker has both; give exactly one of altitude_km, mean_motion_rev_day."),
        ("altitude_km: 1160, ", "",
         "line 6: layers.relay.walker has neither of them; give exactly one of altitude_km, mean_motion_rev_day."),
        ("altitude_km: 1160", "mean_motion_rev_day: 16.9",
         "line 6: layers.relay.walker.mean_motion_rev_day with eccentricity 1e-07 puts the perigee only 36 km high; "
         "it needs at least 100 km."),
        ("altitude_km: 1160", "altitude_km: 1160, eccentricity: 0.2",
         "line 6: layers.relay.walker.altitude_km with eccentricity 0.2 puts the perigee 348 km below the surface; "
         "it needs at least 100 km."),
        ("  eo:\n    walker: {planes: 1, per_plane: 3, inclination_deg: 97.5, altitude_km: 535}", "  eo: {}",
         "line 8: layers.eo has none of them; give exactly one of walker, elements, geostationary, ephemeris, constellation."),
        ("  eo:\n", "  eo:\n    geostationary: {longitudes_deg: [77]}\n",
         "line 8: layers.eo has walker and geostationary; give exactly one of walker, elements, geostationary, ephemeris, constellation."),
        ("  eo:\n", "  eo:\n    names: '{plan}'\n",
         "line 9: layers.eo.names is {plan}; for walker it may contain {layer}, {n}, {plane}, {slot}."),
        ("  eo:\n", "  eo:\n    names: 'observation-{n}-of-{layer}'\n",
         "line 8: layers.eo has a node named observation-0-of-eo: 19 characters, but Linux allows 15; "
         "shorten `names`."),
        ("  eo:\n", "  eo:\n    names: eo\n",
         "line 8: layers.eo has a node named eo, but there is one already; each node needs its own name."),
        ("  eo:\n", "  eo:\n    names: 'eo {n}'\n",
         "line 8: layers.eo has a node named eo 0; a name has letters and digits, with single hyphens, dots or "
         "underscores between them."),
        ("  eo:\n", "  eo:\n    names: '{layer:d}-{n}'\n",
         "line 9: layers.eo.names is {layer:d}-{n}; for walker it may contain {layer}, {n}, {plane}, {slot}."),
        *(("[miyun, ", f"[{{name: {name}, lat_deg: 1, lon_deg: 2}}, ",
           f"line 10: stations[0].name has a node named {name}, which is reserved; choose another name.")
          for name in ("all", "default", "lo", "sit0", "ip6tnl0", "ground")),
        ("  eo:\n", "  eo:\n    names: default\n",
         "line 8: layers.eo has a node named default, which is reserved; choose another name."),
        ("altitude_km: 1160", "altitude_km: 1160, epoch: 2026-03-01",
         "line 6: layers.relay.walker.epoch is 69 days from the begin of the run; at most 30 are allowed, for elements "
         "are of no use for longer."),
        ("kashi, beijing]", "kashi, beijing, kashi]",
         "line 10: stations[3].name has a node named kashi, but there is one already; each node needs its own name."),
        ("per_plane: 10", "per_plane: 2",
         "line 7: layers.relay.isl.pattern is grid; it needs at least 3 satellites per plane, here are 2."),
        ("planes: 5", "planes: 1", "line 7: layers.relay.isl.pattern is grid; with one plane that is a ring."),
        ("planes: 5, per_plane: 10, inclination_deg: 86.5, altitude_km: 1160, pattern: star}\n    isl: {pattern: grid, seam: false",
         "planes: 2, per_plane: 10, inclination_deg: 86.5, altitude_km: 1160}\n    isl: {pattern: grid",
         "line 7: layers.relay.isl has a seam between 2 planes, which are linked already; set seam: false."),
        ("pattern: grid", "offsets: [[9, 0]]",
         "line 7: layers.relay.isl.pattern is motif, but its offsets lead from no satellite to another."),
        ("pattern: grid", "pattern: motif", "line 7: layers.relay.isl.pattern is motif, and there is no offsets."),
        ("pattern: grid", "offsets: [[0, 0]]", "line 7: layers.relay.isl.offsets[0] leads to the satellite itself."),
        ("pattern: grid, seam: false", "pattern: grid, link: lasr-isl",
         "line 7: layers.relay.isl.link is lasr-isl, neither in links nor in the catalogue "
         "(did you mean laser-isl?)."),
        ("seam: false", "grazing_altitude_km: 1300",
         "line 7: layers.relay.isl.pattern is grid, but no link of satellites 1160 km high satisfies "
         "grazing_altitude_km 1300, max_range_km 5000."),
        ("to: relay, link: ka", "to: rely, link: ka",
         "line 12: access[0].to names rely, but there is no such layer (did you mean relay?)."),
        ("to: relay, link: ka", "to: [relay, rely], link: ka",
         "line 12: access[0].to names rely, but there is no such layer (did you mean relay?)."),
        ("to: relay, link: ka", "to: [eo, eo], link: ka", "line 12: access[0].to names eo twice."),
        ("to: relay, link: laser", "to: [relay, eo], link: laser",
         "line 13: access[1] goes from a layer to itself; links within a layer are its isl, such as the pattern "
         "nearest."),
        ("from: eo", "from: eoo", "line 13: access[1].from names eoo, but there is no such layer (did you mean eo?)."),
        ("from: ground", "from: [miyun, beijing]", "line 12: access[0].from names beijing, which has no antenna."),
        ("link: ka-gateway", "link: fibre-10g",
         "line 12: access[0] has no limit: give min_elevation_deg or max_range_km, here or in link class fibre-10g."),
        ("link: laser-isl", "link: ka-user",
         "line 13: access[1].link is ka-user, whose min_elevation_deg is for ground stations; between satellites give "
         "max_range_km."),
        ("pattern: grid, seam", "pattern: grid, link: ttc-s, seam",
         "line 7: layers.relay.isl.link is ttc-s, whose min_elevation_deg is for ground stations; between satellites "
         "give max_range_km."),
        ("ka-gateway", "ka-gateway, links: 3",
         "line 12: access[0] keeps 3 links with 2 terminals; each link needs one."),
        ("[{a: miyun", "[{a: sanya",
         "line 14: fibre[0].a names sanya, but there is no such station (there are beijing, kashi, miyun)."),
        ("[{a: miyun", "[{a: beijing", "line 14: fibre[0] goes from beijing to itself."),
        ("to: eo-0-1", "to: eo-0-3",
         "line 18: traffic[2].to names eo-0-3, but there is no such node (did you mean eo-0-2?)."),
        ("name: bulk", "name: probe-1", "line 17: traffic[1] is a second flow named probe-1."),
        ("from: kashi, to: miyun", "from: miyun, to: miyun", "line 17: traffic[1] goes from miyun to itself."),
        ("protocol: echo", "start_s: 60", "line 18: traffic[2].start_s is 60; the run ends at 60 s (duration_s)."),
        ("protocol: echo", "after: blk", "line 18: traffic[2].after names blk, but there is no such flow (did you "
         "mean bulk?)."),
        ("protocol: echo", "after: bulk",
         "line 18: traffic[2].after is bulk, which goes on to the end of the run; give that one a stop_s."),
        ("protocol: echo", "plus_s: 3",
         "line 18: traffic[2].plus_s is 3, but there is no `after`; say after which flow."),
        ("to: miyun}", "to: miyun, stop_s: 30, after: bulk}",
         "line 17: traffic[1].after is bulk; in the end bulk would come after itself."),
        ("to: miyun}", "to: miyun, volume_mb: 1, after: probe-1, start_s: 5}",
         "line 17: traffic[1].start_s is 5, and `after` is given too; give one of the two."),
        ("to: miyun}", "to: miyun, volume_mb: 0}", "line 17: traffic[1].volume_mb is 0; it must be more than 0."),
        ("to: miyun}", "to: miyun, bin_s: 0.05}", "line 17: traffic[1].bin_s is 0.05; it must be at least 0.1."),
        ("protocol: echo", "start_s: 9, stop_s: 8",
         "line 18: traffic[2].stop_s is 8; it must be more than start_s, 9."),
        ("traffic:", "routing: {destinations: [beijing, kashi, miyun, eo-0-1]}\ntraffic:",
         "line 17: traffic[0].to is eo-0-0, to which routing.destinations keeps no route; answers need one too."),
        ("traffic:", "routing: {protocol: ospf, dead_s: 9}\ntraffic:",
         "line 15: routing.dead_s is 9; it must be more than hello_s, 10."),
        ("at_s: 20", "at_s: 60", "line 20: faults[0].at_s is 60; the run ends at 60 s (duration_s)."),
        ("at_s: 20", "at_s: 20, node: miyun",
         "line 20: faults[0] has link and node; give exactly one of link, links, node, plane, layer, region."),
        ("link: [relay-0-0, relay-0-1]", "links: laser-ils",
         "line 20: faults[0].links names laser-ils, but there is no such kind or class of links "
         "(did you mean laser-isl?)."),
        ("link: [relay-0-0, relay-0-1]", "layer: rely",
         "line 20: faults[0].layer names rely, but there is no such layer (did you mean relay?)."),
        ("link: [relay-0-0, relay-0-1]", "plane: [relay, 5]",
         "line 20: faults[0].plane names plane 5 of relay, which has 5, counted from 0."),
        ("at_s: 20", "at_s: 20, mtbf_s: 100",
         "line 20: faults[0] has both at_s and mtbf_s or mttr_s; give at_s, or mtbf_s and mttr_s."),
        ("at_s: 20", "planned: false", "line 20: faults[0] has no time; give at_s, or mtbf_s and mttr_s."),
        ("at_s: 20", "mtbf_s: 100", "line 20: faults[0] has no mttr_s; random failures need both."),
        ("at_s: 20", "mtbf_s: 100, mttr_s: 5, planned: true",
         "line 20: faults[0] has planned, which goes with at_s only."),
        ("at_s: 20", "at_s: 20, announced_s: 10",
         "line 20: faults[0].announced_s is given, but the outage is not planned; set planned: true."),
        ("at_s: 20", "at_s: 20, reacquire_s: [4, 2]",
         "line 20: faults[0].reacquire_s is [4.0, 2.0]; the lesser comes first."),
        ("flow: probe-1", "flow: probe1",
         "line 22: accept[0].flow names probe1, but there is no such flow (did you mean probe-1?)."),
        ("max: 1", "", "line 22: accept[0] sets no limit; give min, max or both."),
        ("faults:", "  - {kind: ccsds, name: a, from: miyun, to: kashi}\n"
         "  - {kind: ccsds, name: b, from: miyun, to: kashi}\nfaults:",
         "line 20: traffic[4].apid is 1, as a has for telemetry of miyun; give each flow its own."),
        ("max: 1", "min: 5, max: 1", "line 22: accept[0] has a min of 5 over its max of 1: no run can keep both."),
        ("max: 1", "max: -1", "line 22: accept[0].max is -1, and loss_pct is never negative."),
        ("max: 1", "min: 101", "line 22: accept[0].min is 101, and loss_pct is a share, at most 100 %."),
        ("flow: probe-1, metric", "flow: probe-1, task: a, metric",
         "line 22: accept[0] has flow and task; give flow or task, not both."),
        ("flow: probe-1, metric", "metric", "line 22: accept[0] names nothing; say flow or task."),
        ("flow: probe-1, metric: loss_pct", "flow: probe-2, metric: owd_p50_ms",
         "line 22: accept[0].metric is owd_p50_ms, which is measured of no echo probe (there are convergence_s, "),
        ("metric: loss_pct", "metric: rtt_p9_ms",
         "line 22: accept[0].metric rtt_p9_ms is not a metric (did you mean rtt_p99_ms?)."),
        ("metric: loss_pct", "metric: jitter",
         "line 22: accept[0].metric jitter is not a metric (the nearest are "),
        ("metric: loss_pct", "metric: stretch_p50",
         "line 22: accept[0].metric is stretch_p50, which is measured of flows that have both ends at rest on "
         "the ground."),
    ],
)  # fmt: skip
def test_fields_that_do_not_go_together(old, new, says):
    assert old in GOOD
    assert complaint(GOOD.replace(old, new, 1)).startswith(f"small.yaml, {says}")


def places(value, path=()):
    """The path of every value in nested data."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


ODD = [
    None,
    True,
    -1.5,
    10**30,
    float("nan"),
    "",
    "relay",
    "2019-01-01",
    [],
    [[None]],
    [1, 2, 3],
    {},
    {"a": 1},
    {1: 2},
]


MOVING = GOOD.replace(
    "[miyun, ",
    "[{name: ship, track: [{lat_deg: 1, lon_deg: 2, t_s: 0}, {lat_deg: 1, lon_deg: 3, speed_kmh: 4}]}, miyun, ",
)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(places(yaml.safe_load(MOVING))), st.sampled_from(ODD))
def test_whatever_stands_in_a_field_the_answer_is_a_scenario_or_our_error(place, odd):
    whole = {"root": yaml.safe_load(MOVING)}
    parent = whole
    *above, last = ("root", *place)
    for key in above:
        parent = parent[key]
    parent[last] = odd
    try:
        parse(yaml.safe_dump(whole["root"]))
    except ScenarioError as error:
        assert all(line.startswith(("small.yaml", "... and")) for line in str(error).splitlines())
        assert "Input should" not in str(error)


def test_a_ring_too_thin_to_see_along():
    """With eight at 500 km the Earth is between neighbours; the ninth opens the view."""
    ring = (
        "name: ring\nepoch: 2026-05-09\nduration_s: 60\nlinks: {far: {rate_mbps: 1}}\nlayers:\n  comp:\n"
        "    walker: {planes: 1, per_plane: 8, inclination_deg: 97.4, altitude_km: 500}\n"
        "    isl: {pattern: ring, link: far}\n"
    )
    assert complaint(ring) == (
        "small.yaml, line 8: layers.comp.isl.pattern is ring, but neighbours are 5264 km apart and the Earth hides "
        "what is beyond 4733 km: no link could ever exist; 9 satellites per plane would do."
    )
    parse(ring.replace("per_plane: 8", "per_plane: 9"))


def test_a_ring_of_geostationary_satellites_that_a_laser_does_not_reach_along():
    ring = (
        "name: ring\nepoch: 2026-05-09\nduration_s: 60\nlinks: {far: {rate_mbps: 1}}\nlayers:\n  geo:\n"
        "    geostationary: {longitudes_deg: [10, 130, -110]}\n"
        "    isl: {pattern: ring}\n"
    )
    assert complaint(ring) == (
        "small.yaml, line 8: layers.geo.isl.pattern is ring, but neighbours are 73031 km apart and the link reaches "
        "5000 km: no link could ever exist; take a link class of longer range."
    )
    parse(ring.replace("ring}", "ring, link: far}"))
    parse(ring.replace("130", "16"))  # one pair is near enough


@mark.parametrize(
    "walker, says",
    [
        ("'53:1584/72/39'", "53:1584/72/39 has no altitude; write 53:1584/72/39 at 550 km, for example."),
        ("1584/72/39", "1584/72/39 has no inclination; write 53:1584/72/39, for example."),
        ("53:1584/70/1 at 550 km", "53:1584/70/1 at 550 km has 1584 satellites, which 70 planes cannot share evenly."),
        ("starlink", "starlink is no Walker constellation; write i:T/P/F, such as 53:1584/72/39 at 550 km."),
        ("{notation: '53:1584/72/39', altitude_km: 550, planes: 72}",
         "has the notation 53:1584/72/39, which gives planes, which is a field too; leave one out."),
        ("{notation: '53:10/5/1', altitude_km: 550, raan_spread_deg: 100, raan_spacing_deg: 20}",
         "has both raan_spread_deg and raan_spacing_deg; give one of them."),
    ],
)  # fmt: skip
def test_a_printed_walker_that_cannot_be(walker, says):
    text = f"name: w\nepoch: 2026-05-09\nduration_s: 60\nlayers:\n  leo: {{walker: {walker}}}\n"
    assert complaint(text) == f"small.yaml, line 5: layers.leo.walker {says}"


@mark.parametrize(
    "text, says",
    [
        ("", "small.yaml: a scenario is a mapping of fields (name, epoch, duration_s, layers, ...)."),
        ("- 1", "small.yaml: a scenario is a mapping of fields (name, epoch, duration_s, layers, ...)."),
        ("a: [1\nb: 2\n", "small.yaml, line 2: this is not YAML: did not find expected ',' or ']'."),
        ("name: x\nseed: 1\nname: y\n", "small.yaml, line 3: name is given twice, first on line 1."),
        ("a: &x [*x]", "small.yaml, line 1: an alias here contains itself."),
        ("a: !!python/name:os.system x", "small.yaml, line 1: this is not YAML: could not determine a constructor "
         "for the tag 'tag:yaml.org,2002:python/name:os.system'."),
        ("a: 1\n---\nb: 2\n", "small.yaml, line 2: this is not YAML: but found another document."),
    ],
)  # fmt: skip
def test_a_file_that_is_no_scenario(text, says):
    assert complaint(text) == says


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "mini.yaml").write_bytes(b"name: \xff\xfe")
    with raises(ScenarioError) as error:
        Scenario.load(tmp_path / "minni.yaml")
    assert (
        str(error.value)
        == f"{tmp_path}/minni.yaml: there is no such scenario file (did you mean mini.yaml?)."
    )
    with raises(ScenarioError) as error:
        Scenario.load(tmp_path / "mini.yaml")
    assert str(error.value) == f"{tmp_path}/mini.yaml: this scenario file is not text in UTF-8."
    with raises(ScenarioError) as error:
        Scenario.load(tmp_path)
    assert str(error.value) == f"{tmp_path}: this is a directory; name the scenario file in it."


def test_an_element_file_that_is_missing_or_useless():
    text = "name: x\nepoch: 2019-12-10\nduration_s: 9\nlayers:\n  leo:\n    elements: "
    assert complaint(text + "no.tle") == "small.yaml, line 6: no.tle: there is no such element file."
    address = "https://example.org/elements?FORMAT=json"
    assert complaint(text + address) == (
        f"small.yaml, line 6: {address}: this is an address; save what is there as a file, and name that."
    )
    assert complaint(text + "|\n      No GP data found\n") == (
        "small.yaml, line 6: layers.leo.elements cannot be used: it is neither OMM (JSON, CSV, XML, KVN) nor TLE; "
        "it begins 'No GP data found\\n'."
    )


def test_all_problems_of_a_kind_are_told_at_once_but_not_a_flood():
    wrong = GOOD.replace("altitude_km", "altitude").replace("pattern", "patern").replace("to:", "too:")
    lines = complaint(wrong).splitlines()
    assert lines[:2] == [
        "small.yaml, line 6: layers.relay.walker.altitude is not a field (did you mean altitude_km?).",
        "small.yaml, line 6: layers.relay.walker.patern is not a field (did you mean pattern?).",
    ]
    assert len(lines) == 6
    assert lines[-1] == "... and 9 more."

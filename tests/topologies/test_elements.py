"""Element sets as CelesTrak and Space-Track publish them."""

import datetime as dt
import gzip
import json
import math
import pathlib
import re

import sgp4
from pytest import approx, fixture, mark, raises
from sgp4.api import WGS72, Satrec
from sgp4.exporter import export_tle

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.space import Layer
from skybed.topologies.orbits import elements
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

DATA = pathlib.Path(__file__).parent.parent / "data"
EPOCH = dt.datetime(2019, 12, 10, tzinfo=dt.UTC)
ISS_1 = "1 25544U 98067A   19343.69339541  .00001764  00000-0  38792-4 0  9991"
ISS_2 = "2 25544  51.6439 211.2001 0007417  17.6667  85.6398 15.50103472202482"
ISS = f"ISS (ZARYA)\n{ISS_1}\n{ISS_2}\n"


def read(text, epoch=EPOCH, names=None):
    found, dropped = elements.satellites("leo", Layer(elements=text, names=names), epoch)
    return [satellite.name for satellite in found], dropped


@mark.parametrize("suffix", ["tle", "json", "csv", "xml"])
def test_four_formats_put_the_same_satellites_in_the_same_places(suffix):
    text = (DATA / f"three.{suffix}").read_text()
    found, dropped = elements.satellites("leo", Layer(elements=text), EPOCH)
    assert [satellite.name for satellite in found] == ["ISS-ZARYA", "SKYBED-TEST-1", "SKYBED-TEST-2"]
    assert dropped == []
    assert found[0].satrec.sgp4(2458827.5, 0.0)[1] == approx((-5137.766, -4208.830, 1404.977), abs=1e-3)


def test_two_lines_do_without_a_name_and_space_track_numbers_its_name_lines():
    assert read(f"{ISS_1}\n{ISS_2}\n")[0] == ["NORAD-25544"]
    assert read(f"0 ISS (ZARYA)\r\n{ISS_1}\r\n{ISS_2}\r\n")[0] == ["ISS-ZARYA"]


def test_vallado_s_verification_objects_in_june_2006():
    text = (pathlib.Path(sgp4.__file__).parent / "SGP4-VER.TLE").read_text()
    names, dropped = read(text, dt.datetime(2006, 6, 25, tzinfo=dt.UTC))
    assert len(names) == 16
    why = {drop.name: (drop.line, drop.reason) for drop in dropped}
    assert why["NORAD 00005"] == (3, "its elements are of 2000-06-27, 2188 days from the epoch (at most 30)")
    assert why["NORAD 33333"] == (100, "line 1 of its set has the checksum 4 instead of 2")
    decayed = "SGP4 fails at the epoch: mean eccentricity is outside the range 0.0 to 1.0"
    assert why["NORAD 28350"] == (75, decayed)  # perigee 127 km nine days before
    _, absurd = why["NORAD 29141"]  # it came down days before, and SGP4 says nothing
    assert re.fullmatch(
        r"SGP4 puts it \d{10} km from the Earth's centre, far beyond its apogee, 6682 km", absurd
    )


def test_a_wrong_checksum_in_the_only_object_is_an_error():
    with raises(ScenarioError) as error:
        read(ISS.replace("9991", "9993"))
    assert str(error.value) == (
        "none of its 1 objects can be used, the first, ISS (ZARYA), because "
        "line 1 of its set has the checksum 3 instead of 1"
    )


def test_a_line_without_its_other_is_dropped_and_the_rest_is_used():
    names, dropped = read(f"LOST\n{ISS_1}\n" + ISS)
    assert names == ["ISS-ZARYA"]
    assert dropped == [("LOST", 2, "its other line is missing")]


def test_of_two_sets_of_one_object_the_newer_is_kept():
    newer = (DATA / "three.json").read_text()
    older = newer.replace("2019-12-09T16", "2019-12-08T16").replace("ISS (ZARYA)", "ISS OLD")
    both = newer.strip().rstrip("]") + "," + older.strip().lstrip("[")
    for text in (both, older.strip().rstrip("]") + "," + newer.strip().lstrip("[")):
        names, dropped = read(text)
        assert sorted(names) == ["ISS-ZARYA", "SKYBED-TEST-1", "SKYBED-TEST-2"]
        assert ("ISS OLD", None, "a newer set of NORAD 25544 is there too") in dropped


@mark.parametrize(
    "old, new, reason",
    [
        ('"INCLINATION":51.6439,', "", "it lacks INCLINATION"),
        ('"MEAN_MOTION":15.50103472', '"MEAN_MOTION":"fast"', "a field cannot be read: could not convert"),
        ('"EPHEMERIS_TYPE":0', '"EPHEMERIS_TYPE":4', "its elements are not for SGP4"),
        (
            '"EPOCH":"2019-12-09T16',
            '"EPOCH":"2019-13-09T16',
            "a field cannot be read: month must be in 1..12",
        ),
        ('"ECCENTRICITY":0.0007417', '"ECCENTRICITY":1.5', "SGP4 fails at the epoch: mean eccentricity"),
        ('"ECCENTRICITY":0.0007417', '"ECCENTRICITY":NaN', "SGP4 fails at the epoch"),
    ],
)
def test_a_damaged_record_is_dropped(old, new, reason):
    text = (DATA / "three.json").read_text()
    assert old in text
    names, (dropped,) = read(text.replace(old, new, 1))
    assert names == ["SKYBED-TEST-1", "SKYBED-TEST-2"]
    assert dropped.name == "ISS (ZARYA)"
    assert dropped.reason.startswith(reason)


def test_nine_digit_numbers_that_no_two_line_set_can_hold():
    text = (DATA / "three.json").read_text().replace('"NORAD_CAT_ID":25544', '"NORAD_CAT_ID":799501234')
    assert read(text, names="sat-{id}")[0] == ["sat-799501234", "sat-90001", "sat-90002"]


def test_names_fit_an_interface_and_stay_apart():
    text = (DATA / "three.json").read_text().replace("SKYBED TEST", "THE SKYBED TEST SATELLITE")
    assert read(text)[0] == ["ISS-ZARYA", "THE-SKYBED-TEST", "THE-SKYBE-90002"]
    assert elements.node_name("Ørsted / Çağrı") == "rsted-Cagr"


@mark.parametrize(
    "text, says",
    [
        ("", "it is neither OMM (JSON, CSV, XML, KVN) nor TLE; it begins ''"),
        (
            "No GP data found\n",
            "it is neither OMM (JSON, CSV, XML, KVN) nor TLE; it begins 'No GP data found\\n'",
        ),
        ("<!DOCTYPE html>\n<html></html>", "it is a web page, not an element file"),
        ("[{]", "it is not JSON: line 1, Expecting property name enclosed in double quotes"),
        ("<ndm><omm>", "it is not XML: no element found: line 1, column 10"),
        ("[]", "none of its 0 objects can be used"),
    ],
)
def test_a_file_that_holds_no_elements(text, says):
    with raises(ScenarioError) as error:
        read(text)
    assert str(error.value) == says


def test_a_scenario_takes_its_element_file_along(tmp_path):
    (tmp_path / "iss.tle").write_text(ISS)
    (tmp_path / "iss.yaml").write_text(
        "name: iss\nepoch: 2019-12-10\nduration_s: 60\nlayers:\n  leo: {elements: iss.tle}\n"
        "stations: [miyun]\ntraffic:\n  - {kind: probe, from: ISS-ZARYA, to: miyun}\n"
    )
    scenario = Scenario.load(tmp_path / "iss.yaml")
    assert [s.name for s in elements.layer_satellites(scenario)] == ["ISS-ZARYA"]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "scenario.yaml").write_text(scenario.dump())
    (tmp_path / "iss.tle").unlink()
    assert Scenario.load(tmp_path / "elsewhere" / "scenario.yaml") == scenario


# -- sets that share a number ------------------------------------------------------------------------


def made(name, number=0, days=0.0, anomaly_deg=0.0, motion=15.0, ecco=0.001, argp_deg=0.0, bstar=0.0):
    """A set as one makes it by hand, of some days after EPOCH."""
    satrec = Satrec()
    since_1949 = (EPOCH - dt.datetime(1949, 12, 31, tzinfo=dt.UTC)).total_seconds() / 86_400
    angles = (math.radians(x) for x in (argp_deg, 51.6, anomaly_deg))
    argp, inclo, mo = angles
    motion *= 2 * math.pi / 1440
    satrec.sgp4init(WGS72, "i", number, since_1949 + days, bstar, 0, 0, ecco, argp, inclo, mo, motion, 1.0)
    return "\n".join([*([name] if name else []), *export_tle(satrec), ""])


@mark.parametrize("number", [0, 42, 99_999])
def test_sets_of_one_number_and_epoch_with_names_of_their_own_are_so_many_satellites(number):
    names, dropped = read("".join(made(f"TRAIN-{n}", number, anomaly_deg=5 * n) for n in range(4)))
    assert (names, dropped) == (["TRAIN-0", "TRAIN-1", "TRAIN-2", "TRAIN-3"], [])


def test_sets_without_a_number_are_told_apart_by_name_whatever_their_epochs():
    names, dropped = read(made("A") + made("B", days=-1) + made("A", days=-2))
    assert names == ["A", "B"]
    assert dropped == [("A", 8, "a newer set of A is there too")]


def test_sets_with_neither_number_nor_name_get_numbers():
    names, dropped = read(made("") + made("", days=-1, anomaly_deg=10) + made("", anomaly_deg=20))
    assert (names, dropped) == (["NORAD-0", "NORAD-0-2", "NORAD-0-3"], [])


@mark.parametrize("number", [0, 42])
def test_what_is_there_twice_is_used_once(number):
    names, dropped = read(made("A", number) * 2)
    assert names == ["A"]
    what = f"NORAD {number}" if number else "A"
    assert dropped == [("A", 5, f"another set of {what} of the same epoch is there too")]


# -- forms of OMM ------------------------------------------------------------------------------------

FIELDS = {
    "OBJECT_NAME": "BIRD", "OBJECT_ID": "2019-001A", "CENTER_NAME": "EARTH", "REF_FRAME": "TEME",
    "TIME_SYSTEM": "UTC", "MEAN_ELEMENT_THEORY": "SGP4", "EPOCH": "2019-12-09T16:30:00.25",
    "MEAN_MOTION": 15.21, "ECCENTRICITY": 0.0009, "INCLINATION": 97.41, "RA_OF_ASC_NODE": 12.5,
    "ARG_OF_PERICENTER": 80.25, "MEAN_ANOMALY": 279.75, "NORAD_CAT_ID": 64000, "BSTAR": 0.00012,
}  # fmt: skip


def flown(text):
    found, dropped = elements.satellites("leo", Layer(elements=text), EPOCH)
    assert not dropped
    return [(x.name, x.satrec.sgp4(2458827.5, 0.25)[1]) for x in found]


@fixture(scope="module")
def bird():
    """Name and place of the object of FIELDS, read from JSON."""
    return flown(json.dumps([FIELDS]))


def kvn(fields, units=""):
    return "".join(f"{name:20}= {value}{units}\n" for name, value in fields.items())


def xml(fields, attributes=""):
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return f"<ndm{attributes}><omm><body><segment><data>{inner}</data></segment></body></omm></ndm>"


def table(fields, mark, decimal="."):
    cells = [str(value).replace(".", decimal) for value in fields.values()]
    return f"{mark.join(fields)}\n{mark.join(cells)}\n"


FORMS = {
    "kvn": "CCSDS_OMM_VERS = 3.0\nCOMMENT by hand\n" + kvn(FIELDS),
    "kvn with units": kvn(FIELDS | {"MEAN_MOTION": "15.21 [rev/day]", "INCLINATION": "97.41 [deg]"}),
    "xml in a namespace": xml(FIELDS, ' xmlns="urn:ccsds:schema:ndmxml"'),
    "xml with prefixes": xml(FIELDS, ' xmlns:n="urn:x"')
    .replace("<seg", "<n:seg")
    .replace("</seg", "</n:seg"),
    "an envelope": json.dumps({"count": 1, "data": [FIELDS]}),
    "one object": json.dumps(FIELDS),
    "semicolons": table(FIELDS, ";"),
    "semicolons and decimal commas": table(FIELDS, ";", ","),
    "tabs": table(FIELDS, "\t"),
    "commas and blanks": table(FIELDS, ", "),
    "blank lines before": "\n\n" + table(FIELDS, ","),
    "another zone": json.dumps([FIELDS | {"EPOCH": "2019-12-10T00:30:00.25+08:00"}]),
    "zulu": json.dumps([FIELDS | {"EPOCH": "2019-12-09T16:30:00.25Z"}]),
    "day of the year": json.dumps([FIELDS | {"EPOCH": "2019-343T16:30:00.25"}]),
    "blank for T": json.dumps([FIELDS | {"EPOCH": "2019-12-09 16:30:00.250000"}]),
    "other words": json.dumps([FIELDS | {"CENTER_NAME": "Earth", "MEAN_ELEMENT_THEORY": "SGP/SGP4"}]),
}


@mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_whatever_the_form_the_bird_is_where_it_is(bird, text):
    assert flown(text) == bird


@mark.parametrize("write", [kvn, json.dumps], ids=["kvn", "json lines"])
def test_several_objects_one_after_the_other(bird, write):
    two = [FIELDS, FIELDS | {"OBJECT_NAME": "BEE", "NORAD_CAT_ID": 64001}]
    assert flown("\n".join(write(fields) for fields in two)) == [*bird, ("BEE", bird[0][1])]


@mark.parametrize(
    "changes, reason",
    [
        ({"CENTER_NAME": "MOON"}, "its orbit is around MOON, not the Earth"),
        ({"MEAN_ELEMENT_THEORY": "DSST"}, "its elements are of the theory DSST, not SGP4"),
        ({"MEAN_ELEMENT_THEORY": "SGP4-XP"}, "its elements are of the theory SGP4-XP, not SGP4"),
        ({"TIME_SYSTEM": "TAI"}, "its epoch is in TAI, not UTC"),
        ({"TIME_SYSTEM": "TDB"}, "its epoch is in TDB, not UTC"),
        ({"REF_FRAME": "EME2000"}, "its elements are in the frame EME2000, not TEME"),
        ({"EPOCH": 19343.6875}, "a field cannot be read: EPOCH is 19343.6875, not a date and time"),
        ({"MEAN_MOTION": None, "SEMI_MAJOR_AXIS": 6900}, "it lacks MEAN_MOTION"),
    ],
)
@mark.parametrize("write", [lambda x: json.dumps([x]), kvn, xml, lambda x: table(x, ",")])
def test_what_sgp4_cannot_fly_is_left_out(changes, reason, write):
    fields = {name: value for name, value in {**FIELDS, **changes}.items() if value is not None}
    with raises(ScenarioError) as error:
        read(write(fields))
    assert str(error.value) == f"none of its 1 objects can be used, the first, BIRD, because {reason}"


# -- files as they come ------------------------------------------------------------------------------


@mark.parametrize("before", ["  ", "\t", "\u00a0\u00a0", "      "])
def test_a_set_that_was_pasted_with_an_indent(before):
    assert read("".join(before + line for line in ISS.splitlines(True)))[0] == ["ISS-ZARYA"]


def test_a_set_without_its_last_digit_is_told():
    names, dropped = read(ISS + f"CUT\n{ISS_1[:-1]}\n{ISS_2}\n")
    assert names == ["ISS-ZARYA"]
    assert dropped == [("CUT", 5, "line 1 of its set lacks its last digit, the checksum")]


SCENARIO = "name: iss\nepoch: 2019-12-10\nduration_s: 60\nlayers:\n  leo: {elements: iss.tle}\n"


@mark.parametrize(
    "data",
    [
        ISS.encode("utf-8-sig"), ISS.encode("utf-16"), b"\xfe\xff" + ISS.encode("utf-16-be"),
        ISS.replace("\n", "\r\n").encode(), gzip.compress(ISS.encode()),
    ],
    ids=["utf-8 with a mark", "utf-16", "utf-16 big endian", "crlf", "gzip"],
)  # fmt: skip
def test_element_files_as_other_programs_save_them(tmp_path, data):
    (tmp_path / "iss.tle").write_bytes(data)
    (tmp_path / "iss.yaml").write_text(SCENARIO)
    assert Scenario.load(tmp_path / "iss.yaml").layers["leo"].elements == ISS + "\n"


def test_a_damaged_archive_is_told(tmp_path):
    (tmp_path / "iss.yaml").write_text(SCENARIO)
    for data in (b"\x1f\x8b\x08junk", gzip.compress(ISS.encode())[:60]):
        (tmp_path / "iss.tle").write_bytes(data)
        with raises(
            ScenarioError, match=r"line 5: iss\.tle: this element file is packed by gzip, and damaged\."
        ):
            Scenario.load(tmp_path / "iss.yaml")


# -- objects that are no more ------------------------------------------------------------------------


def at(hours):
    return EPOCH + dt.timedelta(hours=hours)


def test_a_position_beyond_all_reason_is_none():
    """Made 155 hours before; SGP4 reports no error and puts it a hundred million km away."""
    text = made("GONE", 7, motion=15.986, ecco=0.00208, argp_deg=198, bstar=-0.0186) + made("HERE", 8)
    layer = Layer(elements=text)
    assert len(elements.satellites("leo", layer, EPOCH)[0]) == 2
    (here,), ((name, _, reason),) = elements.satellites("leo", layer, EPOCH, at(200))
    assert (here.name, name) == ("HERE", "GONE")
    assert re.fullmatch(
        r"SGP4 puts it \d{6,} km from the Earth's centre, far beyond its apogee, 66\d\d km", reason
    )


def test_what_came_down_before_does_not_come_back():
    """560 hours after its elements SGP4 has it up again, in a place that looks right."""
    text = made("GONE", 7, motion=15.578, ecco=0.00089, argp_deg=168, bstar=-0.0456) + made("HERE", 8)
    _, dropped = elements.satellites("leo", Layer(elements=text), EPOCH, at(560))
    assert dropped == [("GONE", 1 + 1, "between its elements' epoch and the start SGP4 has it come down")]


def test_links_end_when_an_object_decays():
    """One falls after 64 hours, one flies away after 138: both lose their links then, the third stays."""
    text = (
        made("FALLS", 7, motion=16.2, argp_deg=269, anomaly_deg=90, bstar=4e-3)
        + made("STRAYS", 8, motion=16.316, ecco=0.00201, argp_deg=106, anomaly_deg=90, bstar=-0.0028)
        + made("STAYS", 9)
    )
    fields = {
        "name": "decays", "epoch": EPOCH, "duration_s": 7 * 86_400, "layers": {"leo": {"elements": text}},
        "stations": ["miyun", "Bogota", "Sydney"],
        "access": [{"from": "ground", "to": "leo", "link": "ttc-s", "policy": "all"}],
    }  # fmt: skip
    plan = Plan.make(Scenario.model_validate(fields))
    satellite = plan.network.ends[0][plan.contacts["link"]]
    last_h = [plan.contacts["end_s"][satellite == n].max() / 3600 for n in range(3)]
    falls, strays = plan.network.sky.decays
    assert (falls.satellite, strays.satellite) == (0, 1)
    assert (falls.t_s / 3600, strays.t_s / 3600) == (approx(64, abs=1), approx(138, abs=6))
    assert last_h[0] <= falls.t_s / 3600
    assert last_h[1] <= strays.t_s / 3600
    assert last_h[2] > 160
    assert len(plan.network.decays) == 2
    assert plan.network.decays[0].startswith(f"FALLS has no links from {falls.t_s:.0f} s on: SGP4 fails: ")

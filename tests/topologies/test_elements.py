"""Element sets as CelesTrak and Space-Track publish them."""

import datetime as dt
import pathlib

import sgp4
from pytest import approx, mark, raises

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.space import Layer
from skybed.topologies.orbits import elements
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
    assert len(names) == 17
    why = {drop.name: (drop.line, drop.reason) for drop in dropped}
    assert why["NORAD 00005"] == (3, "its elements are of 2000-06-27, 2188 days from the epoch (at most 30)")
    assert why["NORAD 33333"] == (100, "line 1 of its set has the checksum 4 instead of 2")
    decayed = "SGP4 fails at the epoch: mean eccentricity is outside the range 0.0 to 1.0"
    assert why["NORAD 28350"] == (75, decayed)  # perigee 127 km nine days before


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
    json = (DATA / "three.json").read_text()
    older = json.replace("2019-12-09T16", "2019-12-08T16").replace("ISS (ZARYA)", "ISS OLD")
    both = json.strip().rstrip("]") + "," + older.strip().lstrip("[")
    for text in (both, older.strip().rstrip("]") + "," + json.strip().lstrip("[")):
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
        ("", "it is neither OMM (JSON, CSV, XML) nor TLE; it begins ''"),
        ("No GP data found\n", "it is neither OMM (JSON, CSV, XML) nor TLE; it begins 'No GP data found\\n'"),
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

"""Orbits that files give: an OEM that `oem` writes, STK's format, in their frames, against skyfield."""

import datetime as dt

import numpy as np
import pytest
from oem import OrbitEphemerisMessage
from sgp4.api import jday
from skyfield.api import EarthSatellite, load
from skyfield.framelib import ICRS_to_J2000, itrs

from skybed.topologies.errors import ScenarioError
from skybed.topologies.orbits import given
from skybed.topologies.plan import export
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.places import ROOT

BEGIN = dt.datetime(2019, 12, 10, 12, 0, tzinfo=dt.UTC)
LINES = (ROOT / "tests/data/three.tle").read_text().splitlines()
SATELLITE = EarthSatellite(*[line for line in LINES if line[:2] in ("1 ", "2 ")][:2])
HEAD = """\
CCSDS_OEM_VERS = 2.0
CREATION_DATE = 2019-12-10T12:00:00
ORIGINATOR = TEST
"""
META = """
META_START
OBJECT_NAME = ONE
OBJECT_ID = 2019-001A
CENTER_NAME = EARTH
REF_FRAME = {frame}
TIME_SYSTEM = UTC
START_TIME = {start}
STOP_TIME = {stop}
{more}META_STOP
"""
SKY = """\
name: files
epoch: 2019-12-10T12:00:00Z
duration_s: {duration_s}
layers:
  eo: {{ephemeris: {{one: one.oem}}}}
stations: [miyun]
links:
  x: {{rate_mbps: 1, min_elevation_deg: 0}}
access:
  - {{from: ground, to: eo, link: x, policy: all}}
"""


def times(t_s):
    return [BEGIN + dt.timedelta(seconds=float(t)) for t in t_s]


def skyfield(t_s, frame):
    """Positions and velocities, km and km/s."""
    at = SATELLITE.at(load.timescale(builtin=True).from_datetimes(times(t_s)))
    r, v = at.frame_xyz_and_velocity(itrs) if frame == "ITRF" else (at.position, at.velocity)
    turn = ICRS_to_J2000 if frame == "EME2000" else np.eye(3)
    return np.concatenate([turn @ r.km, turn @ v.km_per_s]).T


def teme(t_s):
    """The same by sgp4 alone, in TEME."""
    jd, fraction = jday(*BEGIN.timetuple()[:6])
    error, r, v = SATELLITE.model.sgp4_array(np.full(len(t_s), jd), fraction + np.asarray(t_s) / 86400)
    assert not error.any()
    return np.concatenate([r, v], axis=1)


def oem(t_s, frame="ICRF", more=""):
    start, stop = (f"{time:%Y-%m-%dT%H:%M:%S}" for time in times(t_s[[0, -1]]))
    rows = [
        f"{time:%Y-%m-%dT%H:%M:%S.%f} " + " ".join(f"{x:.9f}" for x in state)
        for time, state in zip(times(t_s), skyfield(t_s, frame), strict=True)
    ]
    head = HEAD + META.format(frame=frame, start=start, stop=stop, more=more)
    return head + "\n".join(rows) + "\n"


def off_m(text, t_s):
    """How far from where SGP4 has it, at most."""
    orbit = given.read(text)
    states, true = orbit.states.at(t_s - (orbit.epoch - BEGIN).total_seconds()), teme(t_s)
    assert np.abs(states[:, 3:] - true[:, 3:]).max() < 0.02
    return 1e3 * np.abs(states[:, :3] - true[:, :3]).max()


LAGRANGE_7 = "INTERPOLATION = LAGRANGE\nINTERPOLATION_DEGREE = 7\n"
INSIDE_S = np.linspace(1, 3599, 157)


@pytest.mark.parametrize(
    ("more", "step_s", "within_m"),
    [
        (LAGRANGE_7, 60, 0.05),
        ("INTERPOLATION = HERMITE\nINTERPOLATION_DEGREE = 7\n", 60, 0.5),
        ("INTERPOLATION = HERMITE\nINTERPOLATION_DEGREE = 3\n", 30, 0.3),
        ("INTERPOLATION = LINEAR\nINTERPOLATION_DEGREE = 1\n", 10, 120),
        ("", 60, 0.5),
    ],
)
def test_an_oem_is_interpolated_as_it_says(more, step_s, within_m):
    assert off_m(oem(np.arange(0, 3601, step_s), more=more), INSIDE_S) < within_m


def test_a_line_between_states_is_a_line():
    """No polynomial of a higher degree: half way an orbit of 7.5 km/s bends by 10 m in 10 s."""
    text = oem(np.arange(0, 3601, 10), more="INTERPOLATION = LINEAR\nINTERPOLATION_DEGREE = 1\n")
    assert off_m(text, np.arange(5, 3600, 10.0)) > 50


@pytest.mark.parametrize(("frame", "within_m"), [("ICRF", 0.1), ("EME2000", 0.1), ("GCRF", 0.1), ("ITRF", 2)])
def test_frames_are_turned_into_that_of_the_plan(frame, within_m):
    """ITRF here is without polar motion, and so is skyfield's."""
    assert off_m(oem(np.arange(0, 3601, 60), frame, LAGRANGE_7), INSIDE_S) < within_m


def test_an_oem_that_the_package_oem_writes(tmp_path):
    """Its own way to write numbers, version and times; and the days of a year."""
    (tmp_path / "a.oem").write_text(oem(np.arange(0, 3601, 60)))
    message = OrbitEphemerisMessage.open(tmp_path / "a.oem")
    message.save_as(tmp_path / "b.oem", file_format="kvn")
    assert off_m((tmp_path / "b.oem").read_text(), INSIDE_S) < 0.5
    of_year = (tmp_path / "a.oem").read_text().replace("2019-12-10T", "2019-344T")
    assert off_m(of_year, INSIDE_S) < 0.5


STK = """\
stk.v.12.0
# written by hand, as STK's help has the format
BEGIN Ephemeris
NumberOfEphemerisPoints {count}
ScenarioEpoch 10 Dec 2019 12:00:00.000000
InterpolationMethod {method}
InterpolationSamplesM1 {m1}
CentralBody Earth
CoordinateSystem {frame}
{unit}{columns}

{rows}
END Ephemeris
"""


def stk(t_s, frame="ICRF", method="Lagrange", m1=7, unit="", columns="EphemerisTimePosVel"):
    scale = 1 if unit else 1000
    states = skyfield(t_s, {"Fixed": "ITRF", "J2000": "EME2000"}.get(frame, frame)) * scale
    states = states[:, : 6 if columns.endswith("Vel") else 3]
    told = "\n".join(
        f"{t:.3f} " + " ".join(f"{x:.9e}" for x in row) for t, row in zip(t_s, states, strict=True)
    )
    return STK.format(
        count=len(t_s), method=method, m1=m1, frame=frame, unit=unit, columns=columns, rows=told
    )


@pytest.mark.parametrize(
    ("told", "within_m"),
    [
        ({}, 0.1),
        ({"frame": "J2000", "unit": "DistanceUnit Kilometers\n"}, 0.1),
        ({"frame": "Fixed"}, 2),
        ({"method": "Hermite", "m1": 1}, 1.5),
    ],
)
def test_an_ephemeris_of_stk(told, within_m):
    assert off_m(stk(np.arange(0, 3601, 60), **told), INSIDE_S) < within_m


def test_positions_alone_do():
    orbit = given.read(stk(np.arange(0, 3601, 30), columns="EphemerisTimePos"))
    off = np.abs(orbit.states.at(INSIDE_S) - teme(INSIDE_S)).max(axis=0)
    assert off[:3].max() < 1e-4 and off[3:].max() < 5e-3


def test_elements_that_planes_are_found_by():
    """Those of the file that the states come from, but for drag."""
    satrec, _ = given.with_elements(given.read(oem(np.arange(0, 3601, 60))))
    error, r, _ = satrec.sgp4(satrec.jdsatepoch, satrec.jdsatepochF)
    assert not error and 1e3 * np.abs(np.array(r) - teme([1800])[0, :3]).max() < 10
    true = SATELLITE.model
    assert (satrec.inclo, satrec.no_kozai) == pytest.approx((true.inclo, true.no_kozai), rel=1e-4)


# -- in a scenario ---------------------------------------------------------------------------------


def test_what_leaves_as_oem_comes_in_and_makes_the_same_contacts(tmp_path):
    there = Plan.make(Scenario.load("ring12"), duration_s=3600)
    export.write(there, tmp_path / "{node}.oem")
    names = [node.name for node in there.nodes if node.kind == "satellite"]
    files = {name: (tmp_path / f"{name}.oem").read_text() for name in names}
    changes = {
        "layers.comp.ephemeris": files,
        "layers.comp.walker": None,
        "traffic": [],
        "accept": [],
        "tasks": [],
    }
    back = Plan.make(there.scenario.with_({**changes, "duration_s": 3600}))
    assert [link.name for link in back.links] == [link.name for link in there.links]  # its ring, too
    for column in ("start_s", "end_s"):
        assert back.contacts[column].to_numpy() == pytest.approx(there.contacts[column].to_numpy(), abs=1e-3)
    back.save(tmp_path / "plan")
    stored = Plan.load(tmp_path / "plan")
    t_s = np.linspace(0, 3600, 50)
    assert np.array_equal(stored.delay_s(0, t_s), back.delay_s(0, t_s))
    assert back.delay_s(0, t_s) == pytest.approx(there.delay_s(0, t_s), abs=1e-9)
    passes = [plan.passes("miyun", names[0]) for plan in (there, back)]
    assert len(passes[0]) == len(passes[1])


@pytest.fixture
def loaded(tmp_path):
    def read(text, duration_s=600):
        (tmp_path / "one.oem").write_text(text)
        (tmp_path / "sky.yaml").write_text(SKY.format(duration_s=duration_s))
        return Scenario.load(tmp_path / "sky.yaml")

    return read


def test_a_run_may_take_all_of_a_file(loaded):
    plan = Plan.make(loaded(oem(np.arange(0, 601, 60)), 600))
    r_km = plan.network.sky.position_km(0, np.array([0.0, 599.9, 600.0]))
    assert 1e3 * np.abs(r_km - teme([0, 599.9, 600])[:, :3]).max() < 1


def test_times_outside_of_a_file_are_refused(loaded):
    says = (
        r"sky\.yaml, line 5: layers\.eo\.ephemeris\.one has states of 2019-12-10T12:00:00 to "
        r"2019-12-10T12:10:00, "
        r"and the run is from 2019-12-10T12:00:00 to 2019-12-10T12:10:01\."
    )
    with pytest.raises(ScenarioError, match=says):
        loaded(oem(np.arange(0, 601, 60)), 601)
    scenario = loaded(oem(np.arange(0, 601, 60)), 600)
    with pytest.raises(ScenarioError, match=r"has states of .* the run is from .* to 2019-12-10T12:20:00\."):
        Plan.make(scenario, duration_s=1200)
    usable = "USEABLE_START_TIME = 2019-12-10T12:01:00\nUSEABLE_STOP_TIME = 2019-12-10T12:09:00\n"
    with pytest.raises(ScenarioError, match=r"has states of 2019-12-10T12:01:00 to 2019-12-10T12:09:00"):
        loaded(oem(np.arange(0, 601, 60), more=usable), 60)


def test_two_satellites_of_one_file_are_refused(loaded, tmp_path):
    loaded(oem(np.arange(0, 601, 60)))
    sky = (tmp_path / "sky.yaml").read_text()
    assert "one: one.oem" in sky
    (tmp_path / "sky.yaml").write_text(sky.replace("one: one.oem", "one: one.oem, two: one.oem"))
    with pytest.raises(ScenarioError, match=r"eo\.ephemeris\.two is the same as that of one; two satellites"):
        Scenario.load(tmp_path / "sky.yaml")


T_S = np.arange(0, 601, 60)
OEM, BY_STK, HERMITE_4 = oem(T_S), stk(T_S), "INTERPOLATION = HERMITE\nINTERPOLATION_DEGREE = 4\n"
IN_METRES = "\n".join(
    " ".join([row.split()[0], *(f"{float(x) * 1e3}" for x in row.split()[1:])]) if row[:2] == "20" else row
    for row in OEM.split("\n")
)
WRONG = [
    ("\n", r"it is empty\."),
    (IN_METRES, "its middle state is of no orbit .* km from its centre .are these metres"),
    (BY_STK.replace("BEGIN Ephemeris", "BEGIN Ephemeris\nDistanceUnit Kilometers"), ".* these metres"),
    (BY_STK.replace("Points 11", "Points 12"), r"line \d has 12 NumberOfEphemerisPoints, and 11 st"),
    (BY_STK.replace("END Ephemeris", ""), "it ends without END Ephemeris: it is truncated"),
    ("nothing\n", r"it is neither an OEM \(KVN\) nor an STK ephemeris; it begins 'nothing"),
    (HEAD, "it has no segment of states"),
    (oem(T_S, "MARS"), r"line 5 begins a segment in the frame MARS; it must be ICRF, GCRF, "),
    (OEM.replace("EARTH", "MOON"), "line 5 begins a segment with CENTER_NAME MOON, not EARTH"),
    (OEM.replace("SYSTEM = UTC", "SYSTEM = TDB"), "line 5 begins a segment with TIME_SYSTEM TDB, not UTC"),
    (OEM.replace("-12-10T12:02:00.0", "-13-10T12:02:00.0"), "line 16 has the time 2019-13-10T12"),
    (OEM.replace("12:02:00.000000 ", "12:02:00.000000 x"), "line 16 has x.* where numb"),
    (OEM.replace("12:02:00.000000 ", "12:02:00.000000 1 "), "line 16 has 7 numbers; a state has 6 or 9"),
    (OEM.replace("12:02:00.0", "12:00:30.0"), "line 5 begins states whose times do not ascend"),
    (oem(T_S, more=HERMITE_4), "line 5 has the degree 4; it must be 1 to 15, an odd number"),
    (oem(T_S, more=HERMITE_4.replace("HERMITE", "SPLINE")), "line 5 has the interpolation SPLINE"),
    (oem(T_S[:4]), "line 5 begins 4 states, and LAGRANGE 5 takes 6"),
    (BY_STK.replace("Earth", "Moon"), "line 8 has the central body Moon, not Earth"),
    (BY_STK.replace("10 Dec 2019", "2019-12-10"), "line 5 has the ScenarioEpoch 2019-12-10 12:00:0"),
    (BY_STK.replace("System ICRF", "System B1950"), "line 9 has the coordinate system B1950; it must"),
    (BY_STK.replace("TimePosVel", "LLATimePos"), "it has neither EphemerisTimePosVel nor"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), WRONG, ids=[says[:30] for _, says in WRONG])
def test_what_is_wrong_with_a_file(loaded, text, says):
    with pytest.raises(
        ScenarioError, match=rf"sky\.yaml, line 5: layers\.eo\.ephemeris cannot be used: one: {says}"
    ):
        loaded(text)

"""Benchmark: how fast plans are made, beside a loop with Skyfield, a script with numpy, and scipy's search.

    python -m skybed.scripts.bench.plan SCENARIO SECONDS

makes a plan without routes in a temporary folder and prints what that took as JSON. It is a process of its
own, so that its greatest memory is that of the plan.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sgp4.api import SatrecArray
from sgp4.conveniences import jday_datetime
from skyfield.api import EarthSatellite, wgs84
from skyfield.sgp4lib import theta_GMST1982
from skyfield.timelib import Time

from skybed.scripts.bench import alone
from skybed.scripts.bench.figures import Section, figure
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.visibility import Conditions, intervals
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.ground import Station
from skybed.topologies.orbits import elements, ephemeris, tracks
from skybed.topologies.orbits.geometry import C_KM_S
from skybed.topologies.orbits.walker import Satellite
from skybed.topologies.plan import steps
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import oracle, routes
from skybed.topologies.scenario.file import Scenario

ELEVATION_DEG = 10.0
LOOP = 12  # satellites that the loop with Skyfield goes over
LOOKS = 50  # instants, at most, at which routes are searched one by one
RISES, SETS = 0, 2  # events of Skyfield's find_events
MIB = 2**20


def planning(scenario_path: Path, duration_s: float, rounds: int, folder: Path) -> Section:
    """A whole plan, stored in `folder`; passes over ground stations with their delays, beside Skyfield."""
    scenario = Scenario.load(scenario_path)
    stations = [station for station in scenario.stations if station.antenna and not station.moves]
    if not stations:
        raise ScenarioError(
            f"{scenario.name} has no ground station that stands; the benchmark of planning needs one."
        )
    satellites = elements.layer_satellites(scenario)
    few = satellites[:: max(1, len(satellites) // LOOP)]
    seconds = every_second(scenario, duration_s)
    loop_passes(few[:1], stations, seconds)  # Skyfield keeps what is the same for all satellites
    whole = []
    rates: dict[str, list[float]] = {"ours": [], "loop": [], "script": []}
    for _ in range(rounds):
        whole.append(alone.measured("plan", "planning", scenario_path, duration_s, folder / "plan"))
        for name, of, job in (
            ("ours", satellites, lambda of: array_passes(scenario, of, stations, duration_s)),
            ("loop", few, lambda of: loop_passes(of, stations, seconds)),
            ("script", few, lambda of: script_passes(of, stations, seconds)),
        ):
            started_s = time.perf_counter()
            job(of)
            rates[name].append(len(of) * duration_s / (time.perf_counter() - started_s) / 1e6)
    last, planned = whole[-1], [len(satellites) * duration_s / plan["seconds"] / 1e6 for plan in whole]
    return {
        "about": f"Planning: {scenario.name} for {duration_s / 3600:g} h, {len(satellites):,} satellites, "
        f"{last['contacts']:,} contacts, {last['events']:,} events",
        "scenario": scenario.name,
        "duration_s": duration_s,
        "notes": [
            f"Passes: above {ELEVATION_DEG:g} deg over {len(stations)} stations, with delays. Skyfield, one "
            "satellite after another: find_events, and the distance every second. numpy: SatrecArray, "
            "elevation and distance every second, a straight line between two, the Earth's rotation alone."
        ],
        "figures": [
            figure("plan_s", "plan made and stored, s", [plan["seconds"] for plan in whole]),
            figure("plan_mss_s", "  million satellite-seconds a second", planned, less_is_better=False),
            figure("memory_mib", "  memory at most, MiB", [plan["memory_mib"] for plan in whole]),
            figure("disk_mib", "  on disk, MiB", [plan["disk_mib"] for plan in whole]),
            figure("passes_mss_s", "passes, million sat.-seconds a second", rates["ours"], rates["loop"],
                   "Skyfield", less_is_better=False),
            figure("passes_script_mss_s", "  the same", rates["ours"], rates["script"], "numpy, 1 s",
                   less_is_better=False),
        ],
    }  # fmt: skip


def routing(scenario_path: Path, duration_s: float, rounds: int) -> list[dict[str, Any]]:
    """Figures of routes, beside a search by scipy at each instant at which they are looked at."""
    figures = []
    for key, what, interval_s in (
        ("routes_ms", "routes every second", 1.0),
        ("routes_fine_ms", "  every 0.1 s", 0.1),
    ):
        scenario = Scenario.load(scenario_path).with_({"routing.interval_s": interval_s})
        network = Plan.make(scenario, duration_s=duration_s).network
        found = [looks_ms(network) for _ in range(rounds)]
        ours, theirs = zip(*found, strict=True)
        figures.append(figure(key, f"{what}, CPU ms an instant", ours, theirs, "scipy"))
    return figures


def looks_ms(network: Network) -> tuple[float, float]:
    """CPU time that an instant of routes takes: of all of them together, and searched one by one."""
    used = oracle.usable(network)
    looks_s = oracle.looks_s(network, used)
    started_s = time.process_time()
    for _ in oracle.windows(network):
        pass
    between_s = time.process_time()
    graph, to, few_s = (
        oracle.graph(network),
        oracle.destinations(network),
        looks_s[:: len(looks_s) // LOOKS + 1],
    )
    for t_s, links, mesh in routes.meshes(graph, used, few_s):
        mesh.next_hops(graph.cost_s(links, t_s), to)
    ended_s = time.process_time()
    return 1e3 * (between_s - started_s) / len(looks_s), 1e3 * (ended_s - between_s) / len(few_s)


# -- the same job in two ways --------------------------------------------------------------------------


def array_passes(
    scenario: Scenario, satellites: Sequence[Satellite], stations: list[Station], duration_s: float
) -> tuple[pd.DataFrame, int]:
    """Passes: satellite, station (names), start_s, end_s; and how many delays tell their course."""
    orbits = ephemeris.elements_table([s.name for s in satellites], [s.satrec for s in satellites])
    places = [tracks.of_station(station, scenario.begin) for station in stations]
    sky = ephemeris.make(orbits, places, scenario.begin, duration_s)
    ground = np.arange(len(stations)) + len(satellites)
    rule = Conditions(min_elevation_deg=ELEVATION_DEG)
    seen = intervals(sky, ground[:, None], np.arange(len(satellites))[None], rule, duration_s)
    station, satellite = np.divmod(seen.pair, len(satellites))

    def delay_s(link: np.ndarray, t_s: np.ndarray) -> np.ndarray:
        return sky.distance_km(ground[station[link]], satellite[link], t_s) / C_KM_S

    numbers, bound_us = np.arange(len(seen.pair)), scenario.bound_us
    pieces = steps.pieces(numbers, seen.start_s, seen.end_s, delay_s, bound_us, duration_s)
    delays = sum(len(t_s) for _, t_s, _ in pieces)
    names = np.array([s.name for s in satellites]), np.array([s.name for s in stations])
    passes = {"satellite": names[0][satellite], "station": names[1][station]}
    return pd.DataFrame(passes | {"start_s": seen.start_s, "end_s": seen.end_s}), delays


def every_second(scenario: Scenario, duration_s: float) -> Time:
    begin = ephemeris.timescale().from_datetime(scenario.begin)
    return ephemeris.timescale().tt_jd(begin.tt + np.arange(0, duration_s + 1) / ephemeris.DAY_S)


def loop_passes(
    satellites: Sequence[Satellite], stations: list[Station], seconds: Time
) -> tuple[pd.DataFrame, int]:
    """As array_passes, in the way of Skyfield: passes that begin and end within the time; distances."""
    rows, distances = [], 0
    for satellite in satellites:
        orbit = EarthSatellite.from_satrec(satellite.satrec, seconds.ts)
        for station in stations:
            site = wgs84.latlon(*station.place, station.alt_m)
            when, what = orbit.find_events(site, seconds[0], seconds[-1], altitude_degrees=ELEVATION_DEG)
            at_s = (when.tt - seconds.tt[0]) * ephemeris.DAY_S
            rises, sets = at_s[what == RISES], at_s[what == SETS]
            both = zip(rises, sets[sets > rises.min(initial=np.inf)], strict=False)
            rows += [(satellite.name, station.name, start_s, end_s) for start_s, end_s in both]
            distances += len((orbit - site).at(seconds).distance().km)
    return pd.DataFrame(rows, columns=["satellite", "station", "start_s", "end_s"]), distances


def script_passes(
    satellites: Sequence[Satellite], stations: list[Station], seconds: Time
) -> tuple[pd.DataFrame, int]:
    """As loop_passes, in the quickest way of a short script: all satellites at once, every second; the Earth
    turns, and nothing else of its axis moves.
    """
    at_s = (seconds.tt - seconds.tt[0]) * ephemeris.DAY_S
    day, fraction = jday_datetime(seconds[0].utc_datetime())
    satrecs = SatrecArray([satellite.satrec for satellite in satellites])
    _, teme_km, _ = satrecs.sgp4(np.full(len(at_s), day), fraction + at_s / ephemeris.DAY_S)
    angle, _ = theta_GMST1982(seconds.whole, seconds.ut1_fraction)
    x, y, z = np.moveaxis(teme_km, -1, 0)
    km = np.stack([x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle), z])
    rows, distances = [], 0
    for station in stations:
        lat, lon = np.radians(station.place)
        up = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
        site_km = wgs84.latlon(*station.place, station.alt_m).itrs_xyz.km
        away = km - site_km[:, None, None]
        distance_km = np.sqrt((away**2).sum(axis=0))
        above = np.tensordot(up, away, 1) / distance_km - np.sin(np.radians(ELEVATION_DEG))
        distances += distance_km.size
        for satellite, over in zip(satellites, above, strict=True):
            before = np.flatnonzero((over[:-1] > 0) != (over[1:] > 0))
            edges_s = at_s[before] + over[before] / (over[before] - over[before + 1])
            rises_s, sets_s = edges_s[over[before] <= 0], edges_s[over[before] > 0]
            both = zip(rises_s, sets_s[sets_s > rises_s.min(initial=np.inf)], strict=False)
            rows += [(satellite.name, station.name, start_s, end_s) for start_s, end_s in both]
    return pd.DataFrame(rows, columns=["satellite", "station", "start_s", "end_s"]), distances


# -- a whole plan ---------------------------------------------------------------------------------------


def measure(scenario_path: Path, duration_s: float, folder: Path) -> dict[str, float]:
    """Make a plan and store it in `folder`, without routes."""
    started_s = time.perf_counter()
    plan = Plan.make(Scenario.load(scenario_path), duration_s=duration_s)
    plan.save(folder, with_routes=False)
    seconds = time.perf_counter() - started_s
    memory_mib = alone.greatest_memory_mib()
    stored = Plan.load(folder)
    return {
        "seconds": seconds,
        "memory_mib": memory_mib,
        "disk_mib": sum(path.stat().st_size for path in folder.iterdir()) / MIB,
        "contacts": len(plan.contacts),
        "events": sum(len(events) for events in stored.events),
    }


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))))

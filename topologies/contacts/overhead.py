"""What is over a station at a time: rain and clouds, as the scenario's weather and its seed have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.contacts.courses.sight import Sight
from skybed.topologies.model.radio import Radio
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.weather import Weather
from skybed.topologies.radio import climate, rain, weather
from skybed.topologies.radio.climate import Climate

STEP_S = 10.0  # of drawn weather, which is a line between two; its memory is an hour
LOWEST_DEG = 0.1  # elevations below are taken for this one: formulas end at the horizon


@dataclass(frozen=True)
class Overhead:
    """weather: the scenario's that concerns the station; seed: the scenario's."""

    station: str
    climate: Climate
    weather: tuple[Weather, ...]
    seed: int

    def rain_db(self, radio: Radio, t_s: Array, sight: Sight) -> Array:
        """What rain attenuates at run times."""
        elevation_deg = np.maximum(sight.elevation_deg, LOWEST_DEG)
        depth_km = self.climate.rain_height_km - sight.height_km
        way = (radio.frequency_ghz, elevation_deg, depth_km, sight.lat_deg, radio.tilt_deg)

        def attenuation_db(entry: Weather) -> Array | None:
            if entry.rain_mm_h is not None:
                return rain.shower_db(entry.rain_mm_h, *way)
            if entry.exceeded_pct is not None:
                return rain.exceeded_db(entry.exceeded_pct, self.climate.rain_001_mm_h, *way)
            if entry.series:
                drawn = self._drawn("rain", weather.RAIN_MEMORY_S, t_s)
                return weather.rain_db(drawn, self.climate.rain_001_mm_h, *way)
            return None

        return self._worst(attenuation_db, t_s)

    def cloudy(self, t_s: Array, sight: Sight) -> np.ndarray:
        """bool: whether a cloud is in the line of sight at run times."""
        elevation_deg = np.maximum(sight.elevation_deg, LOWEST_DEG)

        def hidden(entry: Weather) -> Array | None:
            if entry.cloud_share is None:
                return None
            drawn = self._drawn("clouds", weather.CLOUD_MEMORY_S, t_s)
            return weather.cloudy(drawn, entry.cloud_share, elevation_deg).astype(float)

        return self._worst(hidden, t_s) > 0

    def _worst(self, of: Callable[[Weather], Array | None], t_s: Array) -> Array:
        """The most that any weather of a kind makes, while it lasts."""
        worst = np.zeros(len(t_s))
        for entry in self.weather:
            if (values := of(entry)) is not None:
                lasts = (t_s >= entry.from_s) & (t_s < (entry.until_s or np.inf))
                worst = np.maximum(worst, np.where(lasts, values, 0.0))
        return worst

    def _drawn(self, what: str, memory_s: float, t_s: Array) -> Array:
        """The number that wanders; before the run it stays as it begins."""
        count = int(max(t_s.max(initial=0.0), 0.0) // STEP_S) + 2
        drawn = weather.series(count, STEP_S, memory_s, self.seed, what, self.station)
        return np.interp(t_s, np.arange(count) * STEP_S, drawn)


def over_stations(scenario: ScenarioModel, names: Iterable[str]) -> dict[int, Overhead]:
    """Of each ground node of a scenario. names: of all nodes, by which they are numbered."""
    numbers = {name: n for n, name in enumerate(names)}
    return {numbers[station.name]: over(scenario, station.name) for station in scenario.stations}


def over(scenario: ScenarioModel, name: str) -> Overhead:
    """Of a ground node."""
    (station,) = (station for station in scenario.stations if station.name == name)
    concerning = tuple(entry for entry in scenario.weather if name in scenario.stations_under(entry))
    return Overhead(name, climate.of_station(station), concerning, scenario.seed)

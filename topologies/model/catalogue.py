"""What a scenario may name without defining it: link classes, ground stations, cities.

Plain data; `topologies.model.scenario` validates it like the fields of a file.
"""

from __future__ import annotations

from typing import Any

# Rates are each way. Published where the comment says so, else engineering practice: replace them in `links:`
# of a scenario when better figures are known.
LINKS: dict[str, dict[str, Any]] = {
    # Tracking, telemetry and command.
    "ttc-s": dict(rate_mbps=2, setup_s=(5, 10), min_elevation_deg=5),
    # Data reception of the Chinese remote sensing stations: X 2 x 1200 Mbit/s in two polarisations,
    # Ka 4 x 1.5 Gbit/s (Li et al. 2021, National Remote Sensing Bulletin 25(1)); acquisition margin 10-30 s.
    "x-down": dict(rate_mbps=900, setup_s=(10, 30), min_elevation_deg=5),
    "x-down-dual": dict(rate_mbps=2400, setup_s=(10, 30), min_elevation_deg=5),
    "ka-down": dict(rate_mbps=6000, setup_s=(10, 30), min_elevation_deg=10),
    # A small satellite's, as measured of BUPT-1 over Tongchuan in 2024 (scenarios/bupt-1.yaml): locked from
    # 64 s after its rise above 2.5 deg, 49.8 Mbit/s decoded, Eb/N0 14.0 and 26.3 dB for 5 and 95 % of it.
    # Of the budget EIRP and G/T together fit these; how they are parted and the MODCOD are assumptions.
    "x-down-bupt": dict(
        setup_s=64,
        min_elevation_deg=2.5,
        up=dict(rate_mbps=2),
        down=dict(
            radio=dict(
                frequency_ghz=8.25,
                bandwidth_mhz=60,
                eirp_dbw=10,
                g_over_t_db_k=29.7,
                system_temperature_k=150,
                modcod="QPSK 1/2",
            )
        ),
    ),
    # AIRSAT-02 to the Pamir optical station: 10 (2023), 60 (2025), 120 Gbit/s (2026), set up in seconds.
    "laser-down": dict(rate_mbps=10_000, setup_s=5, min_elevation_deg=20, optical=True),
    "laser-down-60g": dict(rate_mbps=60_000, setup_s=5, min_elevation_deg=20, optical=True),
    "laser-down-120g": dict(rate_mbps=120_000, setup_s=5, min_elevation_deg=20, optical=True),
    # Between low orbits: 100 Gbit/s announced for the Three-Body constellation, 10 is the cautious figure;
    # acquisition 12 s at best, 30-60 s typical (SDA OCT 3.2.0 allows 100 s); over 5,400 km demonstrated.
    "laser-isl": dict(rate_mbps=10_000, setup_s=(12, 30), max_range_km=5000),
    "laser-isl-100g": dict(rate_mbps=100_000, setup_s=(12, 30), max_range_km=5000),
    "ka-isl": dict(rate_mbps=500, setup_s=(2, 5), max_range_km=2500),
    # Geostationary relay; ground to GEO by laser: 1 Gbit/s both ways over 40,740 km, acquired in 4 s (2026).
    "leo-geo-ka": dict(rate_mbps=600, setup_s=10, max_range_km=46_000),
    "ground-geo-ka": dict(rate_mbps=600, setup_s=10, min_elevation_deg=5),
    "ground-geo-laser": dict(rate_mbps=1000, setup_s=4, min_elevation_deg=20, optical=True),
    # User and gateway access of communication constellations.
    "ka-user": dict(rate_mbps=200, min_elevation_deg=25),
    # As measured of Starlink. From a recording that LeoCC has (SpaceNetLab/LeoCC): capacities and spikes of
    # slots, loss, and a base delay of 10 to 12 ms one way, of which this leaves 4 to 7 to light. Spikes lose
    # 0 to 50 %: over a second that is the up to 6 % that LeoCC saw, and at most what one handover cost in
    # another study (IMC 2022). Practice: rate_mbps, the queue, and a grant every 5 ms, for which what goes up
    # waits.
    "starlink-user": dict(
        rate_mbps=100,
        loss_pct=0.01,
        min_elevation_deg=25,
        queue_packets=200,
        extra_delay_ms=4,
        slots=dict(
            rate_mbps=dict(lognormal=(50, 0.19)),
            spike=dict(height_ms=dict(lognormal=(31, 0.34)), width_ms=(30, 110), loss_pct=(0, 50)),
        ),
        up=dict(rate_mbps=10, loss_pct=0.2, extra_delay_ms=6, jitter_ms=2.5, jitter="uniform"),
    ),
    "ka-gateway": dict(rate_mbps=2000, setup_s=(2, 5), min_elevation_deg=10),
    # The lines between the stations and Beijing (landsat.usgs.gov/BJC).
    "fibre-622m": dict(rate_mbps=622),
    "fibre-10g": dict(rate_mbps=10_000),
}

# Remote sensing ground stations of the Aerospace Information Research Institute (AIR), coordinates
# approximate; `beijing` is the centre, which has no antenna.
CHINA: dict[str, dict[str, Any]] = {
    "miyun": dict(lat_deg=40.45, lon_deg=116.86),
    "kashi": dict(lat_deg=39.5, lon_deg=75.9),
    "sanya": dict(lat_deg=18.3, lon_deg=109.3),
    "lijiang": dict(lat_deg=26.9, lon_deg=100.2, alt_m=2827),
    "mohe": dict(lat_deg=53.0, lon_deg=122.4),
    "beijing": dict(lat_deg=40.07, lon_deg=116.27, antenna=False),
    # Optical, Taxkorgan on the Pamir: 500 mm aperture.
    "pamir": dict(lat_deg=37.8, lon_deg=75.2, alt_m=4000),
    # Historical: in use from 2016, not in AIR's list of January 2026.
    "kiruna": dict(lat_deg=67.88, lon_deg=21.06),
}

# Populous cities (UN World Urbanization Prospects; the coordinates that Hypatia's experiments use).
CITIES: dict[str, tuple[float, float]] = {
    "Tokyo": (35.6895, 139.69171),
    "Delhi": (28.66667, 77.21667),
    "Shanghai": (31.22222, 121.45806),
    "Sao-Paulo": (-23.5475, -46.63611),
    "Mumbai": (19.073975, 72.880838),
    "Mexico-City": (19.427318, -99.141869),
    "Beijing": (39.9075, 116.39723),
    "Osaka": (34.675834, 135.553823),
    "Cairo": (30.039173, 31.239411),
    "New-York": (40.717042, -74.003663),
    "Dhaka": (23.7104, 90.40744),
    "Karachi": (24.9056, 67.0822),
    "Buenos-Aires": (-34.605083, -58.400368),
    "Istanbul": (41.0138, 28.9497),
    "Chongqing": (29.56278, 106.55278),
    "Lagos": (6.45306, 3.39583),
    "Manila": (14.6042, 120.9822),
    "Rio": (-22.90278, -43.2075),
    "Los-Angeles": (34.031656, -118.241716),
    "Moscow": (55.754996, 37.621849),
    "Kinshasa": (-4.32758, 15.31357),
    "Paris": (48.85341, 2.3488),
    "Jakarta": (-6.211831, 106.841646),
    "London": (51.50853, -0.12574),
    "Lima": (-12.04318, -77.02824),
    "Seoul": (37.56826, 126.97783),
    "Bogota": (4.60971, -74.08175),
    "Johannesburg": (-26.20227, 28.04363),
    "Bangkok": (13.721964, 100.525248),
    "Chicago": (41.85003, -87.65005),
    "Tehran": (35.69439, 51.42151),
    "Hong-Kong": (22.279588, 114.188697),
    "Kuala-Lumpur": (3.1412, 101.68653),
    "Santiago": (-33.45694, -70.64827),
    "Riyadh": (24.690466, 46.709566),
    "Madrid": (40.4165, -3.70256),
    "Toronto": (43.70011, -79.4163),
    "Miami": (25.789097, -80.204044),
    "Singapore": (1.28967, 103.85007),
    "Luanda": (-8.83682, 13.23432),
    "Barcelona": (41.38879, 2.15899),
    "Khartoum": (15.55177, 32.53241),
    "Sankt-Peterburg": (59.929858, 30.326228),
    "Washington": (38.89511, -77.03637),
    "Sydney": (-33.86785, 151.20732),
    "Dalian": (38.913811, 121.602322),
    "Melbourne": (-37.814, 144.96332),
    "Montreal": (45.50884, -73.58781),
    "Nairobi": (-1.28333, 36.81667),
    "Kunming": (25.03889, 102.71833),
}

STATIONS: dict[str, dict[str, Any]] = {
    **CHINA,
    **{name: dict(lat_deg=lat, lon_deg=lon) for name, (lat, lon) in CITIES.items()},
}

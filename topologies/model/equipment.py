"""What nodes may carry by name: computers, cameras, power supplies, as they were published.

Plain data; `topologies.model.carried` validates it like the fields of a file. A comment says where figures are
from, and which of them are assumptions.
"""

from __future__ import annotations

from typing import Any

SUN_W_M2 = 1361.0  # total solar irradiance at 1 au (Kopp and Lean 2011)

COMPUTERS: dict[str, dict[str, Any]] = {
    # 44.86 ms a tile of 640 x 640 pixels at 11.33 W, idle 0.5 W; an image of 24.32 Mbit has 30.72 tiles (cote,
    # Denby and Lucia, ASPLOS 2020).
    "jetson-tx2": dict(mb_s=2.206, watts=11.33, idle_w=0.5),
    # 1.33 s an image of 2.4 Gbit at 30 W (EarthSight 2026, its own schedule). Idle: an assumption.
    "jetson-orin": dict(mb_s=225.6, watts=30, idle_w=5),
    # 4.14 s an image of 2.4 Gbit at 2 W, as its documents say, 1 W in its code (EarthSight 2026).
    "edge-tpu": dict(mb_s=72.5, watts=2, idle_w=0.5),
    # In orbit on BUPT-1: 2.63 s an image at 681 mA, idle 645 mA, 12 V; and saving power.
    "atlas-200": dict(scene_s=2.63, watts=0.43, idle_w=7.74),
    "atlas-200-low": dict(scene_s=5.84, watts=0.16, idle_w=6.66),
    # Roads in a scene of 489 MB in 2 minutes (KaleidEO). Watts: an assumption.
    "kaleideo": dict(mb_s=4.075, watts=30, idle_w=5),
    # 744 TOPS a satellite (Three-Body). Speed and watts: those of an Orin of 275 TOPS in proportion, an
    # assumption.
    "three-body": dict(slots=4, mb_s=152.6, watts=20, idle_w=20),
    # On the ground nothing is short: an assumption.
    "ground-centre": dict(slots=64, mb_s=225.6),
}

CAMERAS: dict[str, dict[str, Any]] = {
    # 4096 x 3072 pixels, 24.32 Mbit; 31 ms at 3.5 W and 839 ms of reading at 2.5 W (cote).
    "cote": dict(scene_mb=3.04, capture_s=0.87, watts=2.54),
    # A packet of 2.4 Gbit, 0.75 a second, 4.5 W (EarthSight).
    "earthsight": dict(scene_mb=300, capture_s=1.333, watts=4.5),
    # 525 km2 at 1 m in 4 bands, 489 MB (KaleidEO). Time and watts: assumptions.
    "kaleideo": dict(scene_mb=489, capture_s=4, watts=60),
    # A tile of 100 km x 100 km, level 1C (Sentinel-2): 15 s over the ground. Watts: an assumption.
    "sentinel-2": dict(scene_mb=600, capture_s=15, watts=250, max_off_nadir_deg=10.3),
}

POWER: dict[str, dict[str, Any]] = {
    # 0.01811 m2 of cells of 28.5 %; attitude 1.13 W, transmitter 9 W (cote). Battery: an assumption.
    "cote": dict(panel_w=round(0.01811 * 0.285 * SUN_W_M2, 3), battery_wh=20, idle_w=1.13, transmit_w=9),
    # 4 W generated; attitude 2.13 W, transmitter 5 W (EarthSight). Battery: an assumption.
    "earthsight": dict(panel_w=4, battery_wh=40, idle_w=2.13, transmit_w=5),
    # BUPT-1, 196 orbits of 94.13 minutes: 22.6 Wh an orbit harvested, of 28.1 consumed 3.9 for communications
    # and 22.7 for all but these and the payload. Sunlight for 63 % of an orbit, transmitter and battery:
    # assumptions. Below 70 % it is discharged so deeply that its life is a quarter shorter.
    "bupt-1": dict(panel_w=22.9, battery_wh=115, floor_pct=70, idle_w=14.5, transmit_w=20),
    # A computing satellite whose panels carry its computers in sunlight, and whose battery does so through an
    # eclipse: an assumption.
    "computing-1kw": dict(panel_w=1000, battery_wh=1000, floor_pct=70, idle_w=250, transmit_w=60),
}

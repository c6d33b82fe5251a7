"""What nodes may carry by name: computers, cameras, power supplies, as they were published.

Plain data; `topologies.model.carried` validates it like the fields of a file. A comment says where figures
are from, and which of them are assumptions. Watts of a computer are what a slot at work draws beside idle_w:
what was published for both together is less idle_w here. docs/equipment.md has the same tables for people.
"""

from __future__ import annotations

from typing import Any

SUN_W_M2 = 1361.0  # total solar irradiance at 1 au (Kopp and Lean 2011)

COMPUTERS: dict[str, dict[str, Any]] = {
    # 44.86 ms a tile of 640 x 640 pixels at 11.33 W, idle 0.5 W (cote: Denby and Lucia, ASPLOS 2020). An
    # image of 3.04 MB has the area of 30.72 tiles: 1.378 s.
    "jetson-tx2": dict(mb_s=2.206, watts=10.83, idle_w=0.5),
    # 1.33 s an image of 300 MB, on average with the filters in EarthSight's own order (2.67 s in Serval's);
    # 30 W (EarthSight 2026). That this Jetson is an Orin, and 5 W of it idle: assumptions.
    "jetson-orin": dict(mb_s=225.6, watts=25, idle_w=5),
    # 4.14 s, the same way; 2 W as EarthSight's documents say, 1 W in its code. 0.5 W idle: an assumption.
    "edge-tpu": dict(mb_s=72.5, watts=1.5, idle_w=0.5),
    # In orbit on BUPT-1: 2.63 s an image at 681 mA, idle 645 mA, at 12 V; and saving power, 5.84 s at 568 mA,
    # idle 555 mA.
    "atlas-200": dict(scene_s=2.63, watts=0.43, idle_w=7.74),
    "atlas-200-low": dict(scene_s=5.84, watts=0.16, idle_w=6.66),
    # Roads in a scene of 489 MB in about 2 minutes (KaleidEO). Watts: those of the Orin, an assumption.
    "kaleideo": dict(mb_s=4.075, watts=25, idle_w=5),
    # 744 TOPS a satellite (Three-Body). Speed and watts of jetson-orin times 744 / 275, as NVIDIA gives an
    # AGX Orin 275 TOPS, and four slots: assumptions.
    "three-body": dict(slots=4, mb_s=152.6, watts=16.9, idle_w=13.5),
    # 64 times jetson-orin, as nothing is short on the ground, and power from the mains: assumptions.
    "ground-centre": dict(slots=64, mb_s=225.6),
}

# How far they look off nadir is an assumption but for Sentinel-2: 30 deg, the default.
CAMERAS: dict[str, dict[str, Any]] = {
    # 4096 x 3072 pixels, 24.32 Mbit; 31 ms at 3.5 W and 839 ms of reading at 2.5 W (cote).
    "cote": dict(scene_mb=3.04, capture_s=0.87, watts=2.54),
    # A packet of 2.4 Gbit, 0.75 a second, 4.5 W (EarthSight).
    "earthsight": dict(scene_mb=300, capture_s=1.333, watts=4.5),
    # 525 km2 at 1 m in 4 bands, 489 MB (KaleidEO). 23 km pass below in 3.3 s at 7 km/s. Watts: an assumption.
    "kaleideo": dict(scene_mb=489, capture_s=3.3, watts=60),
    # A tile of 100 km x 100 km, 600 MB at level 1C, which pass below in 15 s; a field of view of 20.6 deg
    # (Sentinel-2). That the raw scene is as large as the tile, and watts: assumptions.
    "sentinel-2": dict(scene_mb=600, capture_s=15, watts=250, max_off_nadir_deg=10.3),
}

POWER: dict[str, dict[str, Any]] = {
    # 0.01811 m2 of cells of 28.5 %, straight to the Sun; attitude 1.13 W, transmitter 9 W (cote). What
    # receiving draws (2.5 W) is left out. Battery: an assumption.
    "cote": dict(panel_w=round(0.01811 * 0.285 * SUN_W_M2, 3), battery_wh=20, idle_w=1.13, transmit_w=9),
    # 4 W generated, taken as in sunlight; attitude 2.13 W, transmitter 5 W (EarthSight). What receiving draws
    # (1 W) is left out. Battery: an assumption.
    "earthsight": dict(panel_w=4, battery_wh=40, idle_w=2.13, transmit_w=5),
    # BUPT-1, 196 orbits of 94.13 minutes: 22.6 Wh an orbit harvested, and of 28.1 consumed 22.7 for all but
    # payload and communications. Such an orbit is 476 km high and has light for 62 % of the time with the Sun
    # in its plane: an assumption. Communications took 3.9 Wh: 12 minutes at 20 W, an assumption, as is the
    # battery. Discharging it by more than 30 % shortens its life by a quarter (the same authors). More is
    # consumed than harvested: as measured, the balance is not closed.
    "bupt-1": dict(panel_w=23.3, battery_wh=115, floor_pct=70, idle_w=14.5, transmit_w=20),
    # A computing satellite, all assumptions: the panels bring 620 W on average in a low orbit with the Sun in
    # its plane, and what the battery holds over its floor is 500 W for an eclipse of 36 minutes.
    "computing-1kw": dict(panel_w=1000, battery_wh=1000, floor_pct=70, idle_w=250, transmit_w=60),
}

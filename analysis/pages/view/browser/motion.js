// Where everything is: nodes and the Sun, Earth-fixed (x to 0 deg, 0 deg; z to the north pole), km.

import { lastNotAfter } from "view/data";

export const EARTH_KM = 6371.0;
export const C_KM_S = 299792.458;
const A_KM = 6378.137,
  FLATTENING = 1 / 298.257223563;
const E2 = FLATTENING * (2 - FLATTENING);
const DEG = Math.PI / 180;

/** Positions of all nodes at a run time: x, y, z of each, one after the other. */
export function positions(sky, t_s, into = new Float64Array(3 * sky.nodes.length)) {
  satellites(sky, t_s, into);
  for (let n = sky.satellites; n < sky.nodes.length; n++) onGround(sky, n, t_s, into);
  return into;
}

/** A cubic Hermite between knots. */
function satellites(sky, t_s, into) {
  if (!sky.satellites) return;
  const h = sky.step_s[0],
    table = sky.knots;
  const count = table.length / 6 / sky.satellites;
  const k = Math.max(0, Math.min(Math.floor(t_s / h), count - 2));
  const s = t_s / h - k,
    u = 1 - s;
  const w0 = (1 + 2 * s) * u * u,
    w1 = s * s * (3 - 2 * s),
    d0 = h * s * u * u,
    d1 = -h * s * s * u;
  for (let n = 0, at = 6 * k; n < sky.satellites; n++, at += 6 * count) {
    for (let i = 0; i < 3; i++) {
      into[3 * n + i] =
        w0 * table[at + i] + d0 * table[at + i + 3] + w1 * table[at + i + 6] + d1 * table[at + i + 9];
    }
  }
}

/** A straight line between way points. */
function onGround(sky, n, t_s, into) {
  const begin = sky.ground[n - sky.satellites],
    end = sky.ground[n - sky.satellites + 1];
  const row = Math.max(
    begin,
    lastNotAfter((r) => sky.ground_s[r], begin, end, t_s),
  );
  const next = Math.min(row + 1, end - 1);
  const long_s = sky.ground_s[next] - sky.ground_s[row];
  const s = long_s > 0 ? (t_s - sky.ground_s[row]) / long_s : 0;
  for (let i = 0; i < 3; i++) {
    into[3 * n + i] = (1 - s) * sky.ground_km[3 * row + i] + s * sky.ground_km[3 * next + i];
  }
}

export function distanceKm(r, a, b) {
  return Math.hypot(r[3 * a] - r[3 * b], r[3 * a + 1] - r[3 * b + 1], r[3 * a + 2] - r[3 * b + 2]);
}

/** Latitude, longitude (deg) and height (km) over WGS84, after Bowring 1976. */
export function geodetic(x, y, z) {
  const p = Math.hypot(x, y),
    b = A_KM * (1 - FLATTENING);
  const beta = Math.atan2(z * A_KM, p * b);
  const lat = Math.atan2(z + (E2 / (1 - E2)) * b * Math.sin(beta) ** 3, p - E2 * A_KM * Math.cos(beta) ** 3);
  const n = A_KM / Math.sqrt(1 - E2 * Math.sin(lat) ** 2);
  const height = Math.abs(lat) < 80 * DEG ? p / Math.cos(lat) - n : z / Math.sin(lat) - n * (1 - E2);
  return { lat: lat / DEG, lon: Math.atan2(y, x) / DEG, height };
}

/** How high a node stands over the horizon of another, deg. */
export function elevationDeg(r, from, to) {
  const { lat, lon } = geodetic(r[3 * from], r[3 * from + 1], r[3 * from + 2]);
  const up = unit(lat * DEG, lon * DEG);
  let along = 0;
  for (let i = 0; i < 3; i++) along += up[i] * (r[3 * to + i] - r[3 * from + i]);
  return Math.asin(along / distanceKm(r, from, to)) / DEG;
}

/** Unit vector of a latitude and longitude, rad. */
export function unit(lat, lon) {
  return [Math.cos(lat) * Math.cos(lon), Math.cos(lat) * Math.sin(lon), Math.sin(lat)];
}

/** Whether the straight line between two nodes clears the Earth (a sphere). */
export function inSight(r, a, b) {
  return lowestKm(r, a, b) > EARTH_KM - 30;
}

/** How near the straight line between two nodes comes to the Earth's centre. */
export function lowestKm(r, a, b) {
  let aa = 0,
    ab = 0,
    dd = 0;
  for (let i = 0; i < 3; i++) {
    const p = r[3 * a + i],
      d = r[3 * b + i] - p;
    aa += p * p;
    ab += p * d;
    dd += d * d;
  }
  const s = Math.max(0, Math.min(1, -ab / dd));
  return Math.sqrt(Math.max(0, aa + 2 * s * ab + s * s * dd));
}

/** Unit vector to the Sun at a time, s since 1970 UTC: within 0.02 deg from 1950 to 2050 (Astronomical Almanac, C5). */
export function sun(unix_s) {
  const n = unix_s / 86400 + 2440587.5 - 2451545;
  const g = (357.528 + 0.9856003 * n) * DEG;
  const longitude = (280.46 + 0.9856474 * n + 1.915 * Math.sin(g) + 0.02 * Math.sin(2 * g)) * DEG;
  const tilt = (23.439 - 4e-7 * n) * DEG;
  const x = Math.cos(longitude),
    y = Math.cos(tilt) * Math.sin(longitude),
    z = Math.sin(tilt) * Math.sin(longitude);
  const turn = (280.46061837 + 360.98564736629 * n) * DEG;
  return [x * Math.cos(turn) + y * Math.sin(turn), y * Math.cos(turn) - x * Math.sin(turn), z];
}

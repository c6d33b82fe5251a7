// The Earth as it looks from far away: an orthographic projection. What lies behind it is hidden.

import { EARTH_KM, geodetic } from "view/motion";
import { night } from "view/shade";

const DEG = Math.PI / 180;
const SHADE = 160; // pixels
const RAISED = 1.0005; // what stands on the ground is not hidden by it

export class Globe {
  constructor(sky, land) {
    this.land = land;
    this.x = new Float32Array(sky.nodes.length);
    this.y = new Float32Array(sky.nodes.length);
    this.z = new Float32Array(sky.nodes.length);
    this.hidden = new Uint8Array(sky.nodes.length);
    Object.assign(this, { lon: 0, lat: 20, zoom: 1, top_km: EARTH_KM });
  }

  /** r: positions of all nodes. Fits what is highest, but the Earth stays a good part of the picture. */
  fit(r) {
    let top = EARTH_KM;
    for (let n = 0; n < r.length; n += 3) top = Math.max(top, Math.hypot(r[n], r[n + 1], r[n + 2]));
    this.top_km = Math.min(top, 2.6 * EARTH_KM);
  }

  resize(width, height) {
    Object.assign(this, { width, height, cx: width / 2, cy: height / 2 });
  }

  get radius() {
    return (0.47 * Math.min(this.width, this.height) * this.zoom * EARTH_KM) / this.top_km;
  }

  axes() {
    const [sin, cos] = [Math.sin(this.lon * DEG), Math.cos(this.lon * DEG)];
    const [up, flat] = [Math.sin(this.lat * DEG), Math.cos(this.lat * DEG)];
    return {
      right: [-sin, cos, 0],
      north: [-up * cos, -up * sin, flat],
      towards: [flat * cos, flat * sin, up],
    };
  }

  place(r) {
    const { right, north, towards } = this.axes();
    const radius = this.radius;
    for (let n = 0, i = 0; i < r.length; n++, i += 3) {
      const x = (r[i] * right[0] + r[i + 1] * right[1]) / EARTH_KM; // in radii of the Earth
      const y = (r[i] * north[0] + r[i + 1] * north[1] + r[i + 2] * north[2]) / EARTH_KM;
      const z = (r[i] * towards[0] + r[i + 1] * towards[1] + r[i + 2] * towards[2]) / EARTH_KM;
      this.x[n] = this.cx + x * radius;
      this.y[n] = this.cy - y * radius;
      this.z[n] = z;
      this.hidden[n] = z < 0 && x * x + y * y < RAISED ? 1 : 0;
    }
  }

  /** Where a place on the ground is drawn, or null behind the Earth. */
  trackPoint(x, y, z) {
    const { right, north, towards } = this.axes();
    const along = (axis) => ((x * axis[0] + y * axis[1] + z * axis[2]) * this.radius) / EARTH_KM;
    return along(towards) > 0 ? [this.cx + along(right), this.cy - along(north)] : null;
  }

  /** The part of the line between two nodes that is in front of the Earth, or all of it. */
  line(path, a, b, all = false) {
    if (!all && this.hidden[a] && this.hidden[b]) return;
    let from = 0,
      to = 1;
    if (!all && this.hidden[a] !== this.hidden[b]) {
      const edge = this.limb(a, b);
      if (this.hidden[a]) from = edge;
      else to = edge;
    }
    const dx = this.x[b] - this.x[a],
      dy = this.y[b] - this.y[a];
    path.moveTo(this.x[a] + from * dx, this.y[a] + from * dy);
    path.lineTo(this.x[a] + to * dx, this.y[a] + to * dy);
  }

  /** Where, of 0 to 1, a line goes behind the Earth's edge. */
  limb(a, b) {
    const radius = this.radius;
    const x = (this.x[a] - this.cx) / radius,
      y = (this.y[a] - this.cy) / radius;
    const dx = (this.x[b] - this.x[a]) / radius,
      dy = (this.y[b] - this.y[a]) / radius;
    const dd = dx * dx + dy * dy,
      half = x * dx + y * dy,
      rest = x * x + y * y - 1;
    const root = Math.sqrt(Math.max(0, half * half - dd * rest));
    const edges = [(-half - root) / dd, (-half + root) / dd].filter((s) => s >= 0 && s <= 1);
    const behind = edges.find((s) => this.z[a] + s * (this.z[b] - this.z[a]) < 0);
    return behind ?? this.z[a] / (this.z[a] - this.z[b]);
  }

  backdrop(context, palette, sun, shaded) {
    const { cx, cy, radius } = this;
    if (palette.stars) stars(context, this.width, this.height);
    if (palette.glow) {
      const glow = context.createRadialGradient(cx, cy, radius * 0.98, cx, cy, radius * 1.12);
      glow.addColorStop(0, palette.glow);
      glow.addColorStop(1, "transparent");
      disc(context, cx, cy, radius * 1.12, glow);
    }
    disc(context, cx, cy, radius, palette.ocean);
    context.save();
    context.beginPath();
    context.arc(cx, cy, radius, 0, 2 * Math.PI);
    context.clip();
    this.drawLand(context, palette);
    this.drawGraticule(context, palette);
    if (shaded) this.drawNight(context, palette, sun);
    context.restore();
    context.beginPath();
    context.arc(cx, cy, radius, 0, 2 * Math.PI);
    context.strokeStyle = palette.limb;
    context.lineWidth = 1;
    context.stroke();
  }

  /** What of a ring lies behind is led along the limb; one with the far point inside is turned inside out. */
  drawLand(context, palette) {
    const { right, north, towards } = this.axes();
    const coast = new Path2D();
    context.fillStyle = palette.land;
    for (const { xyz } of this.land) {
      const count = xyz.length / 3;
      const fill = new Path2D();
      let turn = 0,
        seen = false,
        before = null;
      for (let n = 0; n <= count; n++) {
        const i = 3 * (n % count);
        let x = xyz[i] * right[0] + xyz[i + 1] * right[1];
        let y = xyz[i] * north[0] + xyz[i + 1] * north[1] + xyz[i + 2] * north[2];
        const front = xyz[i] * towards[0] + xyz[i + 1] * towards[1] + xyz[i + 2] * towards[2] > 0;
        const azimuth = Math.atan2(y, x);
        if (!front) [x, y] = [Math.cos(azimuth), Math.sin(azimuth)];
        const here = { x: this.cx + x * this.radius, y: this.cy - y * this.radius, front, azimuth };
        const step = before ? wrapped(azimuth - before.azimuth) : 0;
        turn += step;
        seen ||= front;
        if (!before) fill.moveTo(here.x, here.y);
        else if (!front && !before.front) this.along(fill, before.azimuth, step);
        else fill.lineTo(here.x, here.y);
        if (before && front && before.front) {
          coast.moveTo(before.x, before.y);
          coast.lineTo(here.x, here.y);
        }
        before = here;
      }
      if (!seen && Math.abs(turn) < 1) continue;
      if (turn > 1) fill.arc(this.cx, this.cy, this.radius, 0, 2 * Math.PI);
      context.fill(fill, "evenodd");
    }
    context.strokeStyle = palette.coast;
    context.lineWidth = 0.8;
    context.stroke(coast);
  }

  /** Along the limb, in steps of 3 deg. */
  along(path, azimuth, step) {
    const steps = Math.max(1, Math.ceil(Math.abs(step) / (3 * DEG)));
    for (let k = 1; k <= steps; k++) {
      const at = azimuth + (step * k) / steps;
      path.lineTo(this.cx + this.radius * Math.cos(at), this.cy - this.radius * Math.sin(at));
    }
  }

  drawGraticule(context, palette) {
    const { right, north, towards } = this.axes();
    const lines = new Path2D();
    const trace = (points) => {
      let drawn = false;
      for (const [lat, lon] of points) {
        const r = [
          Math.cos(lat * DEG) * Math.cos(lon * DEG),
          Math.cos(lat * DEG) * Math.sin(lon * DEG),
          Math.sin(lat * DEG),
        ];
        const dot = (axis) => r[0] * axis[0] + r[1] * axis[1] + r[2] * axis[2];
        if (dot(towards) > 0) {
          const [x, y] = [this.cx + this.radius * dot(right), this.cy - this.radius * dot(north)];
          if (drawn) lines.lineTo(x, y);
          else lines.moveTo(x, y);
        }
        drawn = dot(towards) > 0;
      }
    };
    for (let lon = -180; lon < 180; lon += 30) trace(range(-80, 80, 4).map((lat) => [lat, lon]));
    for (let lat = -60; lat <= 60; lat += 30) trace(range(-180, 180, 4).map((lon) => [lat, lon]));
    context.strokeStyle = palette.graticule;
    context.lineWidth = 0.6;
    context.stroke(lines);
  }

  drawNight(context, palette, sun) {
    const { right, north, towards } = this.axes();
    const along = [right, north, towards].map(
      (axis) => axis[0] * sun[0] + axis[1] * sun[1] + axis[2] * sun[2],
    );
    const picture = night(
      SHADE,
      SHADE,
      (column, row) => {
        const x = ((column + 0.5) / SHADE) * 2 - 1,
          y = 1 - ((row + 0.5) / SHADE) * 2;
        const z = Math.sqrt(Math.max(0, 1 - x * x - y * y));
        return x * along[0] + y * along[1] + z * along[2];
      },
      palette.night,
      palette.nightMost,
    );
    context.imageSmoothingEnabled = true;
    context.drawImage(
      picture,
      this.cx - this.radius,
      this.cy - this.radius,
      2 * this.radius,
      2 * this.radius,
    );
  }

  drag(dx, dy) {
    const turn = 1 / DEG / this.radius;
    this.lon = wrappedDeg(this.lon - dx * turn);
    this.lat = Math.max(-90, Math.min(90, this.lat + dy * turn));
  }

  zoomBy(factor) {
    this.zoom = Math.max(0.2, Math.min(40, this.zoom * factor));
  }

  centre(x, y, z) {
    const { lat, lon } = geodetic(x, y, z);
    Object.assign(this, { lat, lon });
  }
}

/** The same ones each time, by a linear congruential generator. */
function stars(context, width, height) {
  let seed = 7;
  const next = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  for (let n = 0; n < 260; n++) {
    context.fillStyle = `rgba(220,230,255,${0.1 + 0.4 * next() ** 3})`;
    const size = 0.6 + 0.9 * next();
    context.fillRect(next() * width, next() * height, size, size);
  }
}

function disc(context, x, y, radius, style) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = style;
  context.fill();
}

function range(from, to, step) {
  return Array.from({ length: Math.round((to - from) / step) + 1 }, (_, n) => from + n * step);
}

function wrapped(angle) {
  return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
}

export function wrappedDeg(angle) {
  return angle - 360 * Math.round(angle / 360);
}

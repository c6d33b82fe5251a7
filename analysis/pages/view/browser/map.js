// A flat map: longitude to the right, latitude upwards, one degree as long as the other. It goes round.

import { geodetic } from "view/motion";
import { wrappedDeg } from "view/globe";
import { night } from "view/shade";

const DEG = Math.PI / 180;
const SHADE = [240, 120];

export class FlatMap {
  constructor(sky, land) {
    this.land = land.map(unwrapped);
    this.x = new Float32Array(sky.nodes.length);
    this.y = new Float32Array(sky.nodes.length);
    this.hidden = new Uint8Array(sky.nodes.length);
    Object.assign(this, { lon: 0, lat: 0, zoom: 1 });
  }

  resize(width, height) {
    Object.assign(this, { width, height, cx: width / 2, cy: height / 2 });
  }

  /** Pixels a degree. */
  get scale() {
    return Math.min(this.width / 360, this.height / 180) * this.zoom;
  }

  place(r) {
    for (let n = 0, i = 0; i < r.length; n++, i += 3) {
      [this.x[n], this.y[n]] = this.trackPoint(r[i], r[i + 1], r[i + 2]);
    }
  }

  /** Where a place is drawn. */
  trackPoint(x, y, z) {
    const { lat, lon } = geodetic(x, y, z);
    return [this.cx + wrappedDeg(lon - this.lon) * this.scale, this.cy - (lat - this.lat) * this.scale];
  }

  /** The shorter way round. */
  line(path, a, b) {
    const round = 360 * this.scale;
    const turns = Math.round((this.x[b] - this.x[a]) / round);
    path.moveTo(this.x[a], this.y[a]);
    path.lineTo(this.x[b] - turns * round, this.y[b]);
    if (turns) {
      path.moveTo(this.x[a] + turns * round, this.y[a]);
      path.lineTo(this.x[b], this.y[b]);
    }
  }

  /** Where nothing is drawn beyond. */
  get frame() {
    const [wide, high] = [360 * this.scale, 180 * this.scale];
    return [this.cx - wide / 2, this.cy + this.lat * this.scale - high / 2, wide, high];
  }

  backdrop(context, palette, sun, shaded) {
    context.save();
    context.beginPath();
    context.rect(...this.frame);
    context.clip();
    context.fillStyle = palette.ocean;
    context.fillRect(...this.frame);
    context.lineWidth = 0.8;
    context.fillStyle = palette.land;
    context.strokeStyle = palette.coast;
    for (const copy of [-360, 0, 360]) this.drawLand(context, copy);
    this.drawGraticule(context, palette);
    if (shaded) this.drawNight(context, palette, sun);
    context.restore();
    context.strokeStyle = palette.limb;
    context.lineWidth = 1;
    context.strokeRect(...this.frame);
  }

  drawLand(context, copy) {
    for (const { lon, lat } of this.land) {
      const path = new Path2D();
      for (let n = 0; n < lon.length; n++) {
        path.lineTo(
          this.cx + (lon[n] + copy - this.lon) * this.scale,
          this.cy - (lat[n] - this.lat) * this.scale,
        );
      }
      context.fill(path);
      context.stroke(path);
    }
  }

  drawGraticule(context, palette) {
    const [left, top, wide, high] = this.frame;
    const lines = new Path2D();
    for (let lon = -180; lon < 180; lon += 30) {
      const x = this.cx + wrappedDeg(lon - this.lon) * this.scale;
      lines.moveTo(x, top);
      lines.lineTo(x, top + high);
    }
    for (let lat = -60; lat <= 60; lat += 30) {
      const y = this.cy - (lat - this.lat) * this.scale;
      lines.moveTo(left, y);
      lines.lineTo(left + wide, y);
    }
    context.strokeStyle = palette.graticule;
    context.lineWidth = 0.6;
    context.stroke(lines);
  }

  drawNight(context, palette, sun) {
    const picture = night(
      ...SHADE,
      (column, row) => {
        const lon = ((column + 0.5) / SHADE[0] - 0.5) * 360 + this.lon,
          lat = 90 - ((row + 0.5) / SHADE[1]) * 180;
        const flat = Math.cos(lat * DEG);
        return (
          flat * Math.cos(lon * DEG) * sun[0] +
          flat * Math.sin(lon * DEG) * sun[1] +
          Math.sin(lat * DEG) * sun[2]
        );
      },
      palette.night,
      palette.nightMost,
    );
    context.imageSmoothingEnabled = true;
    context.drawImage(picture, ...this.frame);
  }

  drag(dx, dy) {
    this.lon = wrappedDeg(this.lon - dx / this.scale);
    this.lat = Math.max(-90, Math.min(90, this.lat + dy / this.scale));
  }

  zoomBy(factor) {
    this.zoom = Math.max(0.5, Math.min(40, this.zoom * factor));
  }

  centre(x, y, z) {
    const { lat, lon } = geodetic(x, y, z);
    this.lon = lon;
    if (this.zoom > 1) this.lat = lat;
  }
}

/** A ring in degrees without jumps; one that goes round the Earth is closed over the pole that it goes round. */
function unwrapped({ lon, lat }) {
  const ring = { lon: [lon[0] / DEG], lat: [lat[0] / DEG] };
  for (let n = 1; n < lon.length; n++) {
    ring.lon.push(ring.lon[n - 1] + wrappedDeg(lon[n] / DEG - ring.lon[n - 1]));
    ring.lat.push(lat[n] / DEG);
  }
  if (Math.abs(ring.lon.at(-1) - ring.lon[0]) > 180) {
    const pole = ring.lat[0] < 0 ? -91 : 91;
    ring.lon.push(ring.lon.at(-1), ring.lon[0]);
    ring.lat.push(pole, pole);
  }
  return ring;
}

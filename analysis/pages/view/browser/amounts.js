// What nodes held and had in their batteries, and what links carried, over time; of a run, or of one that goes on.

import { lastNotAfter } from "view/data";
import { valueOf } from "view/network";

const STEPPED = 1;

/** Series of a node that there are: {word, unit, most, t_s, values, stepped}. */
export function amountsOf(sky, node, live = null) {
  const { name } = sky.nodes[node];
  const going = live?.amounts.get(name);
  if (going) {
    return [
      { word: "held", most: going.room_mb, t_s: going.t_s, values: going.held_mb, stepped: STEPPED },
      { word: "battery", most: 100, t_s: going.t_s, values: going.battery_pct, stepped: 0 },
    ].filter(({ values }) => values.some(Number.isFinite));
  }
  if (!sky.run) return [];
  const series = [];
  const cut = (which, column) => {
    const [begin, end] = [sky[which][node], sky[which][node + 1]];
    return { t_s: sky[`${which}_s`].subarray(begin, end), values: sky[column].subarray(begin, end) };
  };
  const held = cut("held", "held_mb");
  if (held.t_s.length)
    series.push({ word: "held", most: sky.run.rooms_mb[name] ?? null, ...held, stepped: STEPPED });
  const battery = cut("battery", "battery_wh");
  if (battery.t_s.length) {
    const whole = sky.run.batteries_wh[name];
    const values = Array.from(battery.values, (wh) => (100 * wh) / whole);
    series.push({ word: "battery", most: 100, t_s: battery.t_s, values, stepped: 0 });
  }
  return series;
}

/** The value of a series at a time; NaN: it has not begun. */
export function at({ t_s, values, stepped }, when_s) {
  const row = lastNotAfter((n) => t_s[n], 0, t_s.length, when_s);
  if (row < 0) return NaN;
  if (stepped || row + 1 >= t_s.length) return values[row];
  const share = (when_s - t_s[row]) / (t_s[row + 1] - t_s[row]);
  return values[row] + share * (values[row + 1] - values[row]);
}

/** Whether anybody knows what links carry. */
export function knowsLoad(sky, live = null) {
  return Boolean(live) || (sky.load?.at(-1) ?? 0) > 0;
}

/** What a side of a link carries at a time, Mbit/s. */
export function loadMbps(sky, link, side, t_s, live = null) {
  if (live) return at({ ...live.loadOver(link, side), stepped: STEPPED }, t_s) || 0;
  if (!sky.load) return NaN;
  const bin = Math.floor(t_s / sky.run.load_bin_s),
    key = 2 * link + side;
  const row = lastNotAfter((n) => sky.load_bin[n], sky.load[key], sky.load[key + 1], bin);
  return row >= sky.load[key] && sky.load_bin[row] === bin ? sky.load_mbps[row] : 0;
}

/** The same as a share of what that side can carry, 0 to 1. */
export function loadShare(sky, link, side, t_s, live = null) {
  const rate_mbps = valueOf(sky, link, side, "rate", t_s);
  return rate_mbps > 0 ? Math.min(1, loadMbps(sky, link, side, t_s, live) / rate_mbps) : 0;
}

/** What both sides of a link carried over time, as series; none where they carried nothing. */
export function loadsOver(sky, link, live = null) {
  return [0, 1].map((side) => ofSide(sky, link, side, live)).filter(({ t_s }) => t_s.length);
}

function ofSide(sky, link, side, live) {
  const word = side ? "load_back" : "load_there";
  const rate_mbps = valueOf(sky, link, side, "rate", 0);
  const series = { word, most: rate_mbps > 0 ? rate_mbps : null, stepped: STEPPED };
  if (live) return { ...series, ...live.loadOver(link, side) };
  const t_s = [],
    values = [];
  if (!sky.load) return { ...series, t_s, values };
  const key = 2 * link + side,
    bin_s = sky.run.load_bin_s;
  for (let row = sky.load[key]; row < sky.load[key + 1]; row++) {
    const begins_s = sky.load_bin[row] * bin_s;
    if (t_s.length && t_s.at(-1) === begins_s) values[values.length - 1] = sky.load_mbps[row];
    else {
      t_s.push(begins_s);
      values.push(sky.load_mbps[row]);
    }
    t_s.push(begins_s + bin_s);
    values.push(0);
  }
  return { ...series, t_s, values };
}

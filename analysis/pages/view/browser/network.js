// What stands at a time, what was set on it, and what happens when. Sides of a link: 0 sends from a to b, 1 back.

import { lastNotAfter } from "view/data";
import { C_KM_S, distanceKm } from "view/motion";

export const KINDS = ["isl", "access", "fibre"];
const CHANGING = ["loss", "rate", "extra", "spike", "jitter"]; // properties whose changes are told one by one

/** Of each link: 0 it does not stand, 1 it stands, 2 it stands and is silent, 3 a fault has taken it. */
export const STATES = ["none", "up", "silent", "lost"];

export function states(sky, t_s, into = new Uint8Array(sky.links)) {
  into.fill(0);
  for (let row = 0; row < sky.lost_link.length; row++) {
    if (!sky.lost_silent[row] && sky.lost_start_s[row] <= t_s && t_s < sky.lost_end_s[row])
      into[sky.lost_link[row]] = 3;
  }
  for (let row = 0; row < sky.contact_link.length && sky.contact_start_s[row] <= t_s; row++) {
    if (t_s < sky.contact_end_s[row] || atTheEnd(sky, t_s, sky.contact_end_s[row]))
      into[sky.contact_link[row]] = 1;
  }
  for (let link = 0; link < sky.links; link++) {
    if (into[link] === 1 && valueOf(sky, link, 0, "silence", t_s)) into[link] = 2;
  }
  return into;
}

/** The last instant belongs to what stands until then. */
function atTheEnd(sky, t_s, end_s) {
  return t_s >= sky.duration_s && end_s >= sky.duration_s;
}

/** The delay in force on a side of a link, ns; NaN: none was set yet. It follows what the kernel was given. */
export function delayNs(sky, link, side, t_s) {
  const row = lastOf(sky.delay, sky.delay_s, link, t_s, (r) => sky.delay_direction[r] & (1 << side));
  return row < 0 ? NaN : sky.delay_ns[row] + sky.delay_slope[row] * (t_s - sky.delay_s[row]);
}

/** One-way delay of a link by its length, s. */
export function delayS(sky, r, link) {
  const far_km = sky.link_laid[link] ? 0 : distanceKm(r, sky.link_a[link], sky.link_b[link]);
  return far_km / C_KM_S + sky.link_fixed_s[link];
}

/** What a packet takes to cross, ms: the delay that was set, and what is added to it in that direction. */
export function crossingMs(sky, link, side, t_s) {
  const beside_us = ["extra", "spike", "jitter"].map((name) => valueOf(sky, link, side, name, t_s));
  return delayNs(sky, link, side, t_s) / 1e6 + beside_us.reduce((sum, us) => sum + us, 0) / 1e3;
}

/** What routing takes crossing to cost, s: the delay by length, and the extra one; Infinity: its rate is 0. */
export function costS(sky, r, link, side, t_s) {
  if (valueOf(sky, link, side, "rate", t_s) === 0) return Infinity;
  return delayS(sky, r, link) + valueOf(sky, link, side, "extra", t_s) / 1e6;
}

/** A property of a direction by its name, in its unit: what holds all the time, or what was set last. */
export function valueOf(sky, link, side, name, t_s) {
  const usual = sky.usual[name]?.[2 * link + side] ?? 0;
  if (!sky.set_s.length || (name !== "silence" && !Number.isNaN(usual))) return usual;
  const property = sky.properties[name];
  const fits = (r) => sky.set_property[r] === property && sky.set_direction[r] & (1 << side);
  const row = lastOf(sky.set, sky.set_s, link, t_s, fits);
  return row < 0 ? 0 : sky.set_value[row];
}

/** The last row of a link not after a time that fits; -1: none. */
function lastOf(offsets, times, link, t_s, fits) {
  const begin = offsets[link];
  let row = lastNotAfter((r) => times[r], begin, offsets[link + 1], t_s);
  while (row >= begin && !fits(row)) row--;
  return row < begin ? -1 : row;
}

/** The contacts of a node in order of time: {link, peer, start_s, end_s}. */
export function contactsOf(sky, node) {
  const rows = [];
  for (let row = 0; row < sky.contact_link.length; row++) {
    const link = sky.contact_link[row];
    const a = sky.link_a[link],
      b = sky.link_b[link];
    if (a !== node && b !== node) continue;
    rows.push({
      link,
      peer: a === node ? b : a,
      start_s: sky.contact_start_s[row],
      end_s: sky.contact_end_s[row],
    });
  }
  return rows;
}

/**
 * All that happens to links within the plan, by time: {t_s, link, what}: up, down, lost, silent, healed; and values
 * that change, {t_s, link, what, direction, value}, but for delays that follow the orbits. direction: 1 there, 2 back,
 * 3 both.
 */
export function happenings(sky) {
  const rows = [];
  const add = (t_s, link, what, direction = 3, value = undefined) => {
    if (t_s > 0 && t_s < sky.duration_s) rows.push({ t_s, link, what, direction, value });
  };
  for (let row = 0; row < sky.contact_link.length; row++) {
    add(sky.contact_start_s[row], sky.contact_link[row], "up");
    add(sky.contact_end_s[row], sky.contact_link[row], "down");
  }
  for (let row = 0; row < sky.lost_link.length; row++) {
    add(sky.lost_start_s[row], sky.lost_link[row], sky.lost_silent[row] ? "silent" : "lost");
    add(sky.lost_end_s[row], sky.lost_link[row], "healed");
  }
  const names = Object.entries(sky.properties).filter(([name]) => CHANGING.includes(name));
  const nameOf = new Map(names.map(([name, property]) => [property, name]));
  for (let link = 0; link < sky.links; link++) {
    for (let row = sky.set[link]; row < sky.set[link + 1]; row++) {
      const what = nameOf.get(sky.set_property[row]);
      if (what) add(sky.set_s[row], link, what, sky.set_direction[row], sky.set_value[row]);
    }
  }
  return rows.sort((one, other) => one.t_s - other.t_s);
}

// Whom a node could have a link with and has not, and why: as contacts/candidates.py tells it.

import { distanceKm, elevationDeg, lowestKm } from "view/motion";

const DEG = Math.PI / 180;
const FAR = 5; // candidates shown of a rule that are out of sight
const within = (runs, node) => runs.some(([first, end]) => first <= node && node < end);
const members = (runs) =>
  runs.flatMap(([first, end]) => Array.from({ length: end - first }, (_, n) => first + n));

/** {peer, by, km, elevation, unmet, why: [word, values]} of each that is not linked, by rule, then by range. */
export function candidatesOf(sky, r, t_s, node) {
  const moment = momentOf(sky, t_s);
  return sky.rules.flatMap((rule) =>
    peersOf(sky, rule, node)
      .filter((peer) => !moment.until.has(sky.linkBetween(node, peer)))
      .map((peer) => {
        const elevation = elevationOf(sky, r, node, peer);
        const told = { peer, by: rule.by, km: distanceKm(r, node, peer), elevation };
        const unmet = unmetOf(sky, r, t_s, rule, node, told);
        return { ...told, unmet, why: reason(sky, moment, rule, node, peer, unmet) };
      })
      .sort((one, other) => one.km - other.km),
  );
}

/** Those in sight, and the nearest of the rest, of each rule. */
export function near(candidates) {
  const far = new Map();
  return candidates.filter(({ by, elevation, unmet }) => {
    if (!(elevation < 0) && unmet?.[0] !== "why_earth") return true;
    far.set(by, (far.get(by) ?? 0) + 1);
    return far.get(by) <= FAR;
  });
}

/** What stands, by link and by node; which fault lasts; and when the next contact of a link begins. */
function momentOf(sky, t_s) {
  const until = new Map(),
    next = new Map(),
    partners = new Map(),
    faults = new Map();
  for (let row = 0; row < sky.contact_link.length; row++) {
    const link = sky.contact_link[row],
      start_s = sky.contact_start_s[row];
    if (start_s > t_s) {
      if (!(next.get(link) <= start_s)) next.set(link, start_s);
    } else if (t_s < sky.contact_end_s[row]) {
      until.set(link, sky.contact_end_s[row]);
      for (const [one, other] of [
        [sky.link_a[link], sky.link_b[link]],
        [sky.link_b[link], sky.link_a[link]],
      ])
        partners.set(one, [...(partners.get(one) ?? []), other]);
    }
  }
  for (let row = 0; row < sky.lost_link.length; row++) {
    if (sky.lost_start_s[row] <= t_s && t_s < sky.lost_end_s[row] && !faults.has(sky.lost_link[row]))
      faults.set(sky.lost_link[row], row);
  }
  const linked = (node, isOne) => (partners.get(node) ?? []).filter(isOne).sort((one, other) => one - other);
  return { t_s, until, next, faults, linked };
}

function peersOf(sky, rule, node) {
  if (rule.pairs)
    return rule.pairs.filter((pair) => pair.includes(node)).map(([a, b]) => (a === node ? b : a));
  if (rule.kind === "access") {
    if (within(rule.givers, node)) return members(rule.targets);
    return within(rule.targets, node) ? members(rule.givers) : [];
  }
  if (!within(rule.members, node)) return [];
  return choices(sky, rule, node);
}

function choices(sky, rule, node) {
  const isOther = (peer) => peer !== node && !(rule.apart && sky.nodes[peer].layer === sky.nodes[node].layer);
  return members(rule.members).filter(isOther);
}

/** Above the horizon of the one on the ground, deg; NaN: neither is. */
function elevationOf(sky, r, node, peer) {
  if (peer >= sky.satellites) return elevationDeg(r, peer, node);
  return node >= sky.satellites ? elevationDeg(r, node, peer) : NaN;
}

/** The condition that is not met, as [word, values], in the order in which they are told; or null. */
function unmetOf(sky, r, t_s, rule, node, { peer, km, elevation }) {
  const { min_elevation_deg, min_radius_km, max_range_km, max_latitude_deg } = rule.limits;
  if (min_elevation_deg !== undefined && elevation <= min_elevation_deg)
    return ["why_elevation", { deg: min_elevation_deg }];
  if (min_radius_km !== undefined && lowestKm(r, node, peer) <= min_radius_km) return ["why_earth"];
  if (max_range_km !== undefined && km >= max_range_km) return ["why_range", { km: max_range_km }];
  if (max_latitude_deg !== undefined && [node, peer].some((end) => latitudeDeg(r, end) >= max_latitude_deg))
    return ["why_latitude", { deg: max_latitude_deg }];
  if (rule.gateways?.length) {
    const satellite = within(rule.givers, node) ? peer : node;
    if (!rule.gateways.some((gateway) => sees(r, gateway, satellite))) return ["why_gateway"];
  }
  return null;
}

function sees(r, [node, targets, { min_elevation_deg, max_range_km }], satellite) {
  return (
    within(targets, satellite) &&
    elevationDeg(r, node, satellite) > (min_elevation_deg ?? 0) &&
    distanceKm(r, node, satellite) < (max_range_km ?? Infinity)
  );
}

/** Geocentric, to the north or to the south. */
function latitudeDeg(r, node) {
  const [x, y, z] = r.subarray(3 * node, 3 * node + 3);
  return Math.atan2(Math.abs(z), Math.hypot(x, y)) / DEG;
}

/** Fault, condition, set-up, and then what the rule made of one in sight. */
function reason(sky, moment, rule, node, peer, unmet) {
  const link = sky.linkBetween(node, peer);
  if (moment.faults.has(link)) {
    const row = moment.faults.get(link);
    const kind = sky.lost_silent[row] ? "silent" : "carrier";
    const end_s = sky.lost_end_s[row];
    return Number.isFinite(end_s)
      ? ["why_fault", { kind, t_s: end_s.toFixed(3) }]
      : ["why_fault_on", { kind }];
  }
  if (unmet) return unmet;
  const next_s = moment.next.get(link) ?? Infinity;
  if (next_s <= moment.t_s + rule.within_s) return ["why_setup", { t_s: next_s.toFixed(3) }];
  return notChosen(sky, moment, rule, node, peer);
}

function notChosen(sky, moment, rule, node, peer) {
  const name = (one) => sky.nodes[one].label;
  const names = (many) => many.map(name).join(", ");
  if (rule.kind === "access") return notTaken(moment, rule, node, peer, name, names);
  if (rule.kind === "nearest") {
    for (const [end, other] of [
      [node, (one) => choices(sky, rule, node).includes(one)],
      [peer, (one) => within(rule.members, one)],
    ]) {
      const has = moment.linked(end, other);
      if (has.length >= rule.terminals) return ["why_terminals", { node: name(end), peers: names(has) }];
    }
    return ["why_later"];
  }
  if (rule.kind === "python") return ["why_function"];
  if (rule.kind === "fibre") return ["why_none"];
  const { t_s } = moment;
  if (!rule.spans || rule.spans.some(([from_s, until_s]) => from_s <= t_s && t_s < (until_s ?? Infinity)))
    return ["why_brief"];
  const spans = rule.spans.map(([from_s, until_s]) => `${from_s} to ${until_s ?? "inf"} s`);
  return ["why_listed", { spans: spans.join(", ") }];
}

function notTaken(moment, rule, node, peer, name, names) {
  const { policy } = rule;
  const [giver, target] = within(rule.givers, node) ? [node, peer] : [peer, node];
  const has = moment.linked(giver, (one) => within(rule.targets, one));
  if (has.length >= rule.terminals) return ["why_terminals", { node: name(giver), peers: names(has) }];
  const takers = moment.linked(target, (one) => within(rule.givers, one));
  if (rule.target_terminals && takers.length >= rule.target_terminals)
    return ["why_taken", { node: name(target), peers: names(takers) }];
  if (has.length >= rule.links) return ["why_kept", { policy, node: name(giver), peers: names(has) }];
  return ["why_waits", { policy }];
}

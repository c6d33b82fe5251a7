// What tasks and bundles of a run went through: where each is at a time, and which links it is crossing.

import { byRoutes, routed, shortest } from "view/ways";

const AT_ONCE_S = 1e-6; // how well times agree that are the same
export const WORKS = ["observe", "compute"]; // stages in which a node does something
const OVER_ONE_LINK = ["hop", "report"]; // stages that go over the link between their two nodes

/** Of each flow that can be followed: {name, first, count} of its lives. */
export function followed(sky) {
  const given = sky.run?.followed ?? [];
  return given.map(([name, first], n) => ({
    name,
    first,
    count: (given[n + 1]?.[1] ?? sky.life.length - 1) - first,
  }));
}

/** The number of a life in the file by flow and number, or -1. */
export function lifeOf(sky, flow, number) {
  const of = followed(sky).find(({ name }) => name === flow);
  for (let life = of?.first ?? 0; life < (of?.first ?? 0) + (of?.count ?? 0); life++) {
    if (sky.life_number[life] === number) return life;
  }
  return -1;
}

/** {flow, number, place: among those of its flow, of: how many these are} of a life. */
export function nameOf(sky, life) {
  const of = followed(sky).findLast(({ first }) => first <= life);
  return {
    flow: of.name,
    number: sky.life_number[life],
    place: life - of.first,
    of: of.count,
    first: of.first,
  };
}

/** Its spans as objects; node and peer are -1 where there is none, times NaN where it did not. */
export function spansOf(sky, life) {
  const spans = [];
  for (let row = sky.life[life]; row < sky.life[life + 1]; row++) {
    spans.push({
      row,
      stage: sky.run.stages[sky.span_stage[row]],
      outcome: sky.run.outcomes[sky.span_outcome[row]],
      tile: sky.span_tile[row],
      node: sky.span_node[row] - 1,
      peer: sky.span_peer[row] - 1,
      bytes: sky.span_bytes[row],
      queued_s: sky.span_queued_s[row],
      began_s: sky.span_began_s[row],
      ended_s: sky.span_ended_s[row],
    });
  }
  return spans;
}

/** When it is over: its last end, or the end of what was played where something did not end. */
export function untilOf(sky, spans) {
  const ends = spans.map(({ ended_s }) => (Number.isNaN(ended_s) ? sky.run.played_s : ended_s));
  return ends.reduce((a, b) => Math.max(a, b), -Infinity);
}

/** All that begins or ends in it, by time. */
export function timesOf(spans) {
  const all = spans.flatMap(({ queued_s, began_s, ended_s }) => [queued_s, began_s, ended_s]);
  const known = all.filter((t_s) => !Number.isNaN(t_s)).sort((a, b) => a - b);
  return known.filter((t_s, n) => n === 0 || t_s - known[n - 1] > AT_ONCE_S);
}

/**
 * Where it is at a time: {spans: that go on; held: nodes that have some of it; busy: of these those that observe or
 * compute; ways: nodes of each way that some of it is crossing; passed: nodes where it was}.
 */
export function momentOf(sky, spans, t_s, r, state) {
  const going = spans.filter((span) => span.queued_s <= t_s && !(span.ended_s <= t_s));
  const last = spans.filter((span) => span.ended_s <= t_s).at(-1);
  const here = going.length || !last || t_s > untilOf(sky, spans) + AT_ONCE_S ? going : [last];
  const held = new Set(),
    busy = new Set(),
    ways = [];
  for (const span of here) {
    holdersOf(sky, span, t_s).forEach((node) => held.add(node));
    if (WORKS.includes(span.stage) && span.began_s <= t_s && span.ended_s > t_s) busy.add(span.node);
    if (isCrossing(sky, span, t_s)) ways.push(...waysOf(sky, span, t_s, r, state));
  }
  const passed = new Set(
    spans
      .filter(({ queued_s }) => queued_s <= t_s)
      .flatMap(({ node, ended_s, peer, outcome }) =>
        [node, outcome === "done" && ended_s <= t_s ? peer : -1].filter((one) => one >= 0),
      )
      .concat(spans.flatMap((span) => hopsOf(sky, span).flatMap((hop) => (hop.ended_s <= t_s ? hop.peer : [])))),
  );
  return { spans: here, held: [...held], busy: [...busy], ways, passed: [...passed] };
}

/** Whether some of it is being sent: while a connection lasts; of bundles, from the first byte to the last. */
export function isCrossing(sky, span, t_s) {
  if (span.peer < 0 || !(span.began_s <= t_s) || span.ended_s <= t_s) return false;
  if (OVER_ONE_LINK.includes(span.stage)) return true;
  return partsOf(sky, span).some((part) => lasts(part, t_s));
}

function lasts({ began_s, ended_s }, t_s) {
  return began_s <= t_s && !(ended_s <= t_s);
}

/** Its connections; node and peer are -1 where routes lead from the node of the span to its peer. */
function partsOf(sky, span) {
  const parts = [];
  for (let part = sky.part[span.row]; part < sky.part[span.row + 1]; part++) {
    parts.push({
      node: sky.part_node[part] - 1,
      peer: sky.part_peer[part] - 1,
      began_s: sky.part_began_s[part],
      ended_s: sky.part_ended_s[part],
      bytes: sky.part_bytes[part],
    });
  }
  return parts;
}

/** Of what a task sends as a bundle, from neighbour to neighbour. */
function hopsOf(sky, span) {
  return partsOf(sky, span).filter(({ node }) => node >= 0);
}

/** The nodes that have some of it: where it was, and of a bundle where hops left fragments. */
function holdersOf(sky, span, t_s) {
  if (span.node < 0) return [];
  const bytes = new Map([[span.node, span.bytes]]);
  const over = hopsOf(sky, span).filter(({ ended_s }) => ended_s <= t_s);
  for (const hop of over) {
    bytes.set(hop.node, (bytes.get(hop.node) ?? 0) - hop.bytes);
    bytes.set(hop.peer, (bytes.get(hop.peer) ?? 0) + hop.bytes);
  }
  return [...bytes.keys()].filter((node) => !over.length || bytes.get(node) > 0);
}

function waysOf(sky, span, t_s, r, state) {
  const { node, peer, stage } = span;
  if (OVER_ONE_LINK.includes(stage)) return [[node, peer]];
  const hops = hopsOf(sky, span);
  if (hops.length) return hops.filter((hop) => lasts(hop, t_s)).map((hop) => [hop.node, hop.peer]);
  const way = routed(sky, peer)
    ? byRoutes(sky, t_s, state, node, peer)
    : shortest(sky, t_s, r, state, node, peer);
  return way ? [way.nodes] : [];
}

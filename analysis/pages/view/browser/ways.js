// Ways from one node to another: by the routes of the plan, and the shortest there is.

import { lastNotAfter } from "view/data";
import { positions } from "view/motion";
import { costS, crossingMs, states, valueOf } from "view/network";

const HOPS = 64;
const SAMPLES = 400; // of a way over the whole plan, beside the instants at which it may change
const MOST = 4000;

/** Whether the page has the routes that lead to a node. */
export function routed(sky, dst) {
  return sky.destination !== undefined && sky.destination.includes(dst);
}

/** The links of a way, as [link, side]. */
export function crossed(sky, nodes) {
  return nodes.slice(1).map((node, k) => {
    const link = sky.linkBetween(nodes[k], node);
    return [link, sky.link_a[link] === nodes[k] ? 0 : 1];
  });
}

/** What a way costs by the lengths of its links, one way, ms. */
export function geometricMs(sky, t_s, r, nodes) {
  return crossed(sky, nodes).reduce((sum, [link, side]) => sum + 1e3 * costS(sky, r, link, side, t_s), 0);
}

/** {nodes, delay_ms} by the routes at a time, or null. The delay is the sum of those set in the kernel. */
export function byRoutes(sky, t_s, state, src, dst) {
  const nodes = [src];
  let delay_ms = 0;
  while (nodes.at(-1) !== dst) {
    const next = nextHop(sky, t_s, nodes.at(-1), dst);
    if (next < 0 || nodes.length > HOPS) return null;
    const [[link, side]] = crossed(sky, [nodes.at(-1), next]);
    if (link < 0 || state[link] !== 1 || valueOf(sky, link, side, "rate", t_s) === 0) return null;
    delay_ms += crossingMs(sky, link, side, t_s);
    nodes.push(next);
  }
  return { nodes, delay_ms };
}

function nextHop(sky, t_s, node, dst) {
  const key = sky.destination.indexOf(dst) * sky.nodes.length + node;
  const at = lastNotAfter((row) => sky.route_key[row], 0, sky.route_key.length, key);
  if (at < 0 || sky.route_key[at] !== key) return -1;
  const row = lastNotAfter((r) => sky.route_s[sky.route_instant[r]], sky.route[at], sky.route[at + 1], t_s);
  return row < sky.route[at] ? -1 : sky.route_via[row] - 1;
}

/** {nodes, delay_ms} over the links that stand, or null: as `skybed path`, of equal next hops the lowest. */
export function shortest(sky, t_s, r, state, src, dst) {
  const count = sky.nodes.length;
  const edges = edgesOf(sky, t_s, r, state);
  const far = new Float64Array(count).fill(Infinity);
  far[dst] = 0;
  const heap = new Heap();
  heap.push(0, dst);
  while (heap.size) {
    const [distance, node] = heap.pop();
    if (distance > far[node]) continue;
    if (node >= sky.satellites && node !== dst && !sky.ground_relay) continue;
    for (let e = edges.begin[node]; e < edges.begin[node + 1]; e++) {
      const next = distance + edges.from_ns[e];
      if (next < far[edges.to[e]]) {
        far[edges.to[e]] = next;
        heap.push(next, edges.to[e]);
      }
    }
  }
  if (!Number.isFinite(far[src])) return null;
  const nodes = [src];
  while (nodes.at(-1) !== dst) nodes.push(onwards(sky, edges, far, nodes.at(-1), dst));
  return { nodes, delay_ms: far[src] / 1e6 };
}

function onwards(sky, edges, far, node, dst) {
  let best = sky.nodes.length;
  for (let e = edges.begin[node]; e < edges.begin[node + 1]; e++) {
    const hop = edges.to[e];
    const forwards = hop === dst || hop < sky.satellites || sky.ground_relay;
    if (forwards && far[hop] + edges.to_ns[e] === far[node] && hop < best) best = hop;
  }
  return best;
}

/** The links that stand, at each of their ends: where they lead, and what it costs to go there and from there, ns. */
function edgesOf(sky, t_s, r, state) {
  const begin = new Int32Array(sky.nodes.length + 1);
  const standing = [];
  for (let link = 0; link < sky.links; link++) {
    if (!stands(state[link])) continue;
    standing.push(link);
    begin[sky.link_a[link] + 1]++;
    begin[sky.link_b[link] + 1]++;
  }
  for (let n = 0; n < sky.nodes.length; n++) begin[n + 1] += begin[n];
  const next = begin.slice(),
    to = new Int32Array(begin.at(-1));
  const to_ns = new Float64Array(to.length),
    from_ns = new Float64Array(to.length);
  for (const link of standing) {
    const there = costNs(link, 0),
      back = costNs(link, 1);
    add(sky.link_a[link], sky.link_b[link], there, back);
    add(sky.link_b[link], sky.link_a[link], back, there);
  }
  return { begin, to, to_ns, from_ns };

  function costNs(link, side) {
    return Math.max(1, Math.round(costS(sky, r, link, side, t_s) * 1e9));
  }

  function add(node, other, out, home) {
    const e = next[node]++;
    [to[e], to_ns[e], from_ns[e]] = [other, out, home];
  }
}

function stands(state) {
  return state === 1 || state === 2;
}

class Heap {
  constructor() {
    this.size = 0;
    this.key = [];
    this.value = [];
  }

  push(key, value) {
    let at = this.size++;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (this.key[above] <= key) break;
      this.key[at] = this.key[above];
      this.value[at] = this.value[above];
      at = above;
    }
    this.key[at] = key;
    this.value[at] = value;
  }

  pop() {
    const top = [this.key[0], this.value[0]];
    const key = this.key[--this.size],
      value = this.value[this.size];
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= this.size) break;
      if (below + 1 < this.size && this.key[below + 1] < this.key[below]) below++;
      if (this.key[below] >= key) break;
      this.key[at] = this.key[below];
      this.value[at] = this.value[below];
      at = below;
    }
    this.key[at] = key;
    this.value[at] = value;
    return top;
  }
}

/** There and back at a time: {there, back, rtt_ms, by}, by: "routes" or "shortest"; there or back null: no way. */
export function roundTrip(sky, t_s, r, state, src, dst) {
  if (!routed(sky, src) || !routed(sky, dst)) {
    const there = shortest(sky, t_s, r, state, src, dst);
    const nodes = there && there.nodes.toReversed();
    const back = there && { nodes, delay_ms: geometricMs(sky, t_s, r, nodes) };
    return { there, back, by: "shortest", rtt_ms: there ? there.delay_ms + back.delay_ms : NaN };
  }
  const [there, back] = [byRoutes(sky, t_s, state, src, dst), byRoutes(sky, t_s, state, dst, src)];
  return { there, back, by: "routes", rtt_ms: there && back ? there.delay_ms + back.delay_ms : NaN };
}

/** The round trip over the whole plan: {t_s, rtt_ms, changes}: arrays, and when the way there changes. */
export function history(sky, src, dst) {
  const t_s = mayChange(sky, src, dst),
    rtt_ms = [],
    changes = [];
  const state = new Uint8Array(sky.links),
    r = new Float64Array(3 * sky.nodes.length);
  let before;
  for (const at_s of t_s) {
    const trip = roundTrip(sky, at_s, positions(sky, at_s, r), states(sky, at_s, state), src, dst);
    const way = trip.there ? trip.there.nodes.join() : "";
    if (before !== undefined && way !== before) changes.push(at_s);
    before = way;
    rtt_ms.push(trip.rtt_ms);
  }
  return { t_s, rtt_ms, changes };
}

/** Even samples, and the instants at which routes to the two nodes change, if they are not too many. */
function mayChange(sky, src, dst) {
  const known = routed(sky, src) && routed(sky, dst);
  const samples = known ? SAMPLES : SAMPLES / 2;
  const times = new Set();
  for (let k = 0; k <= samples; k++) times.add((sky.duration_s * k) / samples);
  const instants = known ? instantsOfRoutes(sky, [src, dst]) : [];
  const every = Math.ceil(instants.length / MOST);
  for (let n = 0; n < instants.length; n += every) times.add(sky.route_s[instants[n]]);
  return [...times].sort((a, b) => a - b);
}

/** Numbers of the instants at which a route to one of some nodes changes. */
function instantsOfRoutes(sky, destinations) {
  const wanted = new Set(destinations.map((node) => sky.destination.indexOf(node)));
  const instants = new Set();
  for (let at = 0; at < sky.route_key.length; at++) {
    if (!wanted.has(Math.floor(sky.route_key[at] / sky.nodes.length))) continue;
    for (let row = sky.route[at]; row < sky.route[at + 1]; row++) instants.add(sky.route_instant[row]);
  }
  return [...instants].sort((a, b) => a - b);
}

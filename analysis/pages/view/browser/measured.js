// What a run measured between two nodes: the bins of the first flow of probes from the one to the other.

import { lastNotAfter } from "view/data";

const COLUMNS = {
  sent: "probe_sent",
  lost: "probe_lost",
  least_ms: "probe_least_ms",
  median_ms: "probe_median_ms",
  greatest_ms: "probe_greatest_ms",
  true_ms: "probe_true_ms",
};

/** {flow, t_s, and a column of each kind, at(t_s)}, or null where nothing was. live: of a run that goes on. */
export function measuredBetween(sky, from, to, live = null) {
  const ends = [from, to].map((node) => sky.nodes[node].name).join();
  const between = (name) => sky.flows.some(([flow, , ...its]) => flow === name && its.join() === ends);
  const going = [...(live?.past ?? [])].find(([name]) => between(name));
  if (going) return found({ flow: going[0], ...going[1] });
  if (!sky.run) return null;
  const number = sky.run.probed.findIndex(between);
  if (number < 0) return null;
  const [begin, end] = [sky.probe[number], sky.probe[number + 1]];
  const bins = { flow: sky.run.probed[number], t_s: sky.probe_s.subarray(begin, end) };
  for (const [name, column] of Object.entries(COLUMNS)) bins[name] = sky[column].subarray(begin, end);
  return found(bins);
}

/**
 * By which nodes packets went between two nodes at a time, as traces saw it: {flow, t_s: since when, nodes}, -1 for who
 * did not answer, none where they did not get there; or null.
 */
export function seenBetween(sky, from, to, t_s) {
  const ends = [from, to].map((node) => sky.nodes[node].name).join();
  const leads = (name) => sky.flows.some(([flow, , ...its]) => flow === name && its.join() === ends);
  const number = (sky.run?.traced ?? []).findIndex(leads);
  if (number < 0) return null;
  const row = lastNotAfter((n) => sky.trace_s[n], sky.trace[number], sky.trace[number + 1], t_s);
  if (row < sky.trace[number]) return null;
  const nodes = sky.trace_node.subarray(sky.trace_hop[row], sky.trace_hop[row + 1]);
  return {
    flow: sky.run.traced[number],
    t_s: sky.trace_s[row],
    nodes: Array.from(nodes, (node) => node - 1),
  };
}

function found(bins) {
  bins.at = (t_s) => {
    const k = lastNotAfter((row) => bins.t_s[row], 0, bins.t_s.length, t_s);
    return k < 0 ? null : Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, bins[name][k]]));
  };
  return bins;
}

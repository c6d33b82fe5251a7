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

/** {flow, t_s, and a column of each kind, at(t_s)}, or null where nothing was. */
export function measuredBetween(sky, from, to) {
  if (!sky.run) return null;
  const ends = [from, to].map((node) => sky.nodes[node].name).join();
  const number = sky.run.probed.findIndex((name) =>
    sky.flows.some(([flow, , ...its]) => flow === name && its.join() === ends),
  );
  if (number < 0) return null;
  const [begin, end] = [sky.probe[number], sky.probe[number + 1]];
  const bins = { flow: sky.run.probed[number], t_s: sky.probe_s.subarray(begin, end) };
  for (const [name, column] of Object.entries(COLUMNS)) bins[name] = sky[column].subarray(begin, end);
  bins.at = (t_s) => {
    const k = lastNotAfter((row) => bins.t_s[row], 0, bins.t_s.length, t_s);
    return k < 0 ? null : Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, bins[name][k]]));
  };
  return bins;
}

// What the page was given, unpacked (see packing.py), and the nodes and links of it by number.

const ALIGNED = 8;
const LENGTH = 4;

/** The text of a pack as {facts, arrays}: what JSON held, and typed arrays by name. */
export async function unpacked(text) {
  const letters = atob(text);
  const packed = new Uint8Array(letters.length);
  for (let i = 0; i < packed.length; i++) packed[i] = letters.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const facts = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, LENGTH, length)));
  const begin = Math.ceil((LENGTH + length) / ALIGNED) * ALIGNED;
  const arrays = {};
  for (const [name, [type, at, count]] of Object.entries(facts.arrays)) {
    arrays[name] = new globalThis[type](buffer, begin + at, count);
  }
  return { facts, arrays };
}

/** Nodes as objects, and how they are found: by name, and links by their two ends. */
export function skyOf({ facts, arrays }) {
  const nodes = facts.nodes.map(([name, layer, plane, slot, ip, label], number) => ({
    name,
    label,
    layer,
    plane,
    slot,
    ip,
    number,
  }));
  const between = new Map();
  for (let link = 0; link < arrays.link_a.length; link++) {
    const a = arrays.link_a[link],
      b = arrays.link_b[link];
    between.set(a * nodes.length + b, link);
    between.set(b * nodes.length + a, link);
  }
  const ends_s = new Float64Array(nodes.length).fill(Infinity);
  for (const [node, t_s] of facts.decays) ends_s[node] = t_s;
  return {
    ...facts,
    ...arrays,
    nodes,
    ends_s,
    usual: Object.fromEntries(Object.keys(facts.properties).map((name) => [name, arrays[`usual_${name}`]])),
    links: arrays.link_a.length,
    numbers: new Map(["label", "name"].flatMap((by) => nodes.map((node) => [node[by], node.number]))),
    linkBetween: (a, b) => between.get(a * nodes.length + b) ?? -1,
  };
}

/** The last of the rows begin <= row < end whose time, by t_s(row), is not after t; begin - 1: none is. */
export function lastNotAfter(t_s, begin, end, t) {
  let low = begin,
    high = end;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (t_s(middle) <= t) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

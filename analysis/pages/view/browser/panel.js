// What is told beside the picture: of the whole, of a node, or of the way between two.

import { at, knowsLoad, loadMbps, amountsOf } from "view/amounts";
import { candidatesOf, near } from "view/candidates";
import { $, make, table } from "view/dom";
import { ofFollowed, ofLife } from "view/following";
import { ofLink, told } from "view/link";
import { ofLive, ofLiveNode } from "view/live";
import { seenBetween } from "view/measured";
import { distanceKm, elevationDeg, geodetic, positions } from "view/motion";
import { contactsOf, crossingMs, KINDS, STATES, valueOf } from "view/network";
import { crossed, geometricMs, roundTrip, shortest } from "view/ways";
import { say } from "view/words";

const PASSES = 400; // shown of a node
const LOOKS = 13; // at the elevation within a pass

/** Fills the panel for what is chosen; returns what brings it up to the instant that is shown. */
export function panel(page) {
  const { from, to, chosen, link, life } = page;
  const part =
    from >= 0 && to >= 0 ? ofWay : life >= 0 ? ofLife : link >= 0 ? ofLink : chosen >= 0 ? ofNode : ofAll;
  $("panel").replaceChildren();
  const add = (...elements) => $("panel").append(...elements.filter((element) => element !== null));
  return part(page, add, (node) => nodeButton(page, node));
}

function nodeButton(page, node) {
  return make("button.link", page.sky.nodes[node].label, { type: "button", onclick: () => page.choose(node) });
}

function pairs(entries) {
  return make("dl", ...entries.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
}

const number = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : "–");

// -- the whole -------------------------------------------------------------------------------------------------

function ofAll(page, add) {
  const { sky } = page;
  add(make("h1", sky.run ? sky.run.run : sky.name), make("p.about", sky.about));
  if (sky.run) add(ofRun(sky.run));
  const follow = page.live ? ofLive(page, add) : () => {};
  const counts = sky.layers.map(
    (layer, n) => `${sky.nodes.filter((node) => node.layer === n).length} ${layer.name}`,
  );
  const standing = make("span");
  add(
    pairs([
      [say("begins"), `${new Date(sky.begin_s * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`],
      [say("length"), `${sky.duration_s} s`],
      [say("satellites"), counts.join(", ") || say("none")],
      [say("ground"), String(sky.nodes.length - sky.satellites)],
      [say("links_now"), standing],
      [say("routing"), sky.protocol],
    ]),
  );
  const flows = table([[say("flow")], [say("kind")], [say("ends")], [say("rtt_ms"), true]]);
  const ended = page.live ? [] : sky.flows.filter(([, , from, to]) => from !== to);
  if (ended.length) add(make("h2", say("flows")), flows.element, make("p.hint", say("flows_hint")));
  ofFollowed(page, add);
  add(make("p.hint", say("start_hint")));
  return () => {
    follow();
    const byKind = KINDS.map((kind, k) => [
      kind,
      page.state.reduce(
        (sum, state, link) => sum + (sky.link_kind[link] === k && (state === 1 || state === 2)),
        0,
      ),
    ]);
    standing.textContent =
      byKind
        .filter(([kind]) => sky.link_kind.includes(KINDS.indexOf(kind)))
        .map(([kind, count]) => `${count} ${say(kind)}`)
        .join(", ") || say("none");
    if (!ended.length) return;
    flows.rows(
      ended.map(([name, kind, from, to]) => {
        const [src, dst] = [from, to].map((end) => sky.numbers.get(end));
        const go = make("button.link", name, { type: "button", onclick: () => page.choosePair(src, dst) });
        return {
          key: name,
          cells: [
            go,
            kind,
            `${from} → ${to}`,
            number(roundTrip(sky, page.t_s, page.r, page.state, src, dst).rtt_ms, 3),
          ],
        };
      }),
    );
  };
}

function ofRun(run) {
  const box = make(
    `div.verdict.${run.status}`,
    make("strong", run.status.toUpperCase()),
    ` · ${run.lane}, ${say(`clock_${run.clock}`)}`,
  );
  const sentences = [...run.reasons, ...run.notes];
  if (sentences.length) box.append(make("ul", ...sentences.map((sentence) => make("li", sentence))));
  return box;
}

// -- a node ----------------------------------------------------------------------------------------------------

function ofNode(page, add) {
  const { sky, chosen } = page;
  const node = sky.nodes[chosen];
  const onGround = chosen >= sky.satellites;
  const where = make("span");
  add(
    make(
      "div.title",
      make("h1", node.label),
      make("button", say("close"), { type: "button", onclick: () => page.choose(-1) }),
    ),
    pairs([
      [
        say("is"),
        onGround
          ? say("on_ground")
          : `${sky.layers[node.layer].name}, ${say("plane_slot", { plane: node.plane, slot: node.slot })}`,
      ],
      ...(node.label === node.name ? [] : [[say("name"), node.name]]),
      [say("place"), where],
      [say("address"), node.ip],
    ]),
    make(
      "div.row",
      make("button", say("way_from"), { type: "button", onclick: () => page.setEnd("from", chosen) }),
      make("button", say("way_to"), { type: "button", onclick: () => page.setEnd("to", chosen) }),
      make("button", say("centre"), { type: "button", onclick: () => page.centre(chosen) }),
    ),
  );
  const follow = page.live ? ofLiveNode(page, add) : ofStored(page, add);
  const links = table([
    [say("linked_with")],
    [say("kind")],
    [say("delay_ms"), true],
    [say("rate"), true],
    ...(knowsLoad(sky, page.live) ? [[say("load"), true]] : []),
    [say("km"), true],
    [say("elevation"), true],
    [say("until_s"), true],
  ]);
  add(make("h2", say("links_at_this_time")), links.element);
  const updateOthers = others(page, add);
  const updatePasses = passes(page, add);
  const contacts = contactsOf(sky, chosen);
  return () => {
    const { lat, lon, height } = geodetic(...page.r.subarray(3 * chosen, 3 * chosen + 3));
    const above = `${(Math.round(height * 100) / 100 || 0).toFixed(onGround ? 2 : 1)} km`;
    where.textContent = [degrees(lat, "N", "S"), degrees(lon, "E", "W"), above].join(", ");
    follow();
    links.rows(linksNow(page, contacts));
    updateOthers();
    updatePasses();
  };
}

/** What a node of a run holds, and has in its battery. */
function ofStored(page, add) {
  const all = amountsOf(page.sky, page.chosen).map((series) => ({ series, shown: make("span") }));
  if (all.length) add(pairs(all.map(({ series, shown }) => [say(series.word), shown])));
  return () =>
    all.forEach(({ series, shown }) => {
      const room = series.word === "held" && series.most !== null ? ` / ${number(series.most, 1)}` : "";
      shown.textContent = number(at(series, page.t_s), 1) + room;
    });
}

function degrees(value, positive, negative) {
  return `${Math.abs(value).toFixed(2)}° ${value < 0 ? negative : positive}`;
}

function linksNow(page, contacts) {
  const { sky, t_s, r, state, chosen } = page;
  const rows = [];
  for (let link = 0; link < sky.links; link++) {
    if (!state[link] || (sky.link_a[link] !== chosen && sky.link_b[link] !== chosen)) continue;
    const side = sky.link_a[link] === chosen ? 0 : 1;
    const peer = side ? sky.link_a[link] : sky.link_b[link];
    const until = contacts.find((row) => row.link === link && row.start_s <= t_s && t_s < row.end_s);
    const loss = valueOf(sky, link, side, "loss", t_s);
    const rate_mbps = valueOf(sky, link, side, "rate", t_s);
    const words = [
      ...(state[link] > 1 ? [say(STATES[state[link]])] : []),
      ...(loss ? [say("loss_told", { loss: +loss.toPrecision(3) })] : []),
    ];
    const kind = say(KINDS[sky.link_kind[link]]) + (words.length ? ` (${words.join(", ")})` : "");
    rows.push({
      key: `${link}/${kind}`,
      cells: [
        nodeButton(page, peer),
        make("button.link", kind, { type: "button", onclick: () => page.chooseLink(link) }),
        number(state[link] < 3 ? crossingMs(sky, link, side, t_s) : NaN, 3),
        String(+rate_mbps.toPrecision(4)),
        ...(knowsLoad(sky, page.live) ? [loadsOf(page, link, side, rate_mbps)] : []),
        number(distanceKm(r, chosen, peer), 1),
        number(elevationBetween(sky, r, chosen, peer), 1),
        !until ? "–" : until.end_s >= sky.duration_s ? say("end") : number(until.end_s, 1),
      ],
    });
  }
  return rows;
}

/** Out and in. */
function loadsOf(page, link, side, rate_mbps) {
  const [out, back] = [side, 1 - side].map((way) => loadMbps(page.sky, link, way, page.t_s, page.live));
  return out || back ? `${told(out, rate_mbps)} / ${told(back, 0)}` : "–";
}

/** Whom the node could be linked with and is not, and why. */
function others(page, add) {
  const { sky, chosen } = page;
  const told = table([[say("not_with")], [say("km"), true], [say("elevation"), true], [say("why")]]);
  const more = make("p.hint");
  add(make("details.others", make("summary", say("not_linked")), told.element, more));
  const box = $("panel").querySelector(".others");
  box.open = page.othersOpen ?? false;
  box.addEventListener("toggle", () => {
    page.othersOpen = box.open;
    update();
  });
  const update = () => {
    if (!box.open) return;
    const all = candidatesOf(sky, page.r, page.t_s, chosen);
    const shown = near(all);
    told.rows(
      shown.map(({ peer, by, km, elevation, why }) => ({
        key: `${by}/${peer}`,
        cells: [nodeButton(page, peer), number(km, 0), number(elevation, 1), say(...why)],
      })),
    );
    more.textContent =
      shown.length < all.length ? say("more_far", { count: all.length - shown.length }) : say("by_rules");
  };
  return update;
}

/** Seen from the one on the ground; NaN where neither or both are. */
function elevationBetween(sky, r, a, b) {
  if (a >= sky.satellites === b >= sky.satellites) return NaN;
  return a >= sky.satellites ? elevationDeg(r, a, b) : elevationDeg(r, b, a);
}

/** The contacts of the node; a click leads to the begin of one. */
function passes(page, add) {
  const { sky, chosen } = page;
  const all = contactsOf(sky, chosen).filter((row) => row.start_s > 0 || row.end_s < sky.duration_s);
  const heading = make("h2", say("contacts", { count: all.length }));
  if (!all.length) {
    add(heading, make("p.hint", say("no_contacts")));
    return () => {};
  }
  const near = Math.max(0, all.findIndex((row) => row.end_s >= page.t_s) - 20);
  const shown = all.slice(near, near + PASSES);
  const contacts = table([
    [say("with")],
    [say("from_s"), true],
    [say("until_s"), true],
    [say("long_s"), true],
    [say("highest"), true],
  ]);
  add(heading, contacts.element);
  if (shown.length < all.length)
    add(make("p.hint", say("of_many", { shown: shown.length, count: all.length })));
  const rows = shown.map((row) => ({
    key: `${row.link}@${row.start_s}`,
    start_s: row.start_s,
    end_s: row.end_s,
    cells: [
      make("button.link", sky.nodes[row.peer].label, {
        type: "button",
        onclick: () => page.seek(row.start_s),
      }),
      number(row.start_s, 1),
      number(row.end_s, 1),
      number(row.end_s - row.start_s, 1),
      number(highest(sky, row, chosen), 1),
    ],
  }));
  return () =>
    contacts.rows(rows.map((row) => ({ ...row, current: row.start_s <= page.t_s && page.t_s < row.end_s })));
}

function highest(sky, { peer, start_s, end_s }, node) {
  if (node >= sky.satellites === peer >= sky.satellites) return NaN;
  let most = -90;
  const r = new Float64Array(3 * sky.nodes.length);
  for (let k = 0; k < LOOKS; k++) {
    most = Math.max(
      most,
      elevationBetween(sky, positions(sky, start_s + ((end_s - start_s) * k) / (LOOKS - 1), r), node, peer),
    );
  }
  return most;
}

// -- a way -----------------------------------------------------------------------------------------------------

function ofWay(page, add) {
  const { sky, from, to } = page;
  const name = (node) => sky.nodes[node].label;
  const values = Object.fromEntries(
    ["one_way", "back", "rtt", "geometric", "least", "measured", "true"].map((key) => [key, make("span")]),
  );
  const rows = [
    [say("one_way"), values.one_way],
    [say("way_back"), values.back],
    [say("rtt"), values.rtt],
    [say("rtt_geometric"), values.geometric],
    [say("shortest"), values.least],
  ];
  if (page.measured) rows.push([say("measured_rtt"), values.measured], [say("true_rtt"), values.true]);
  const hops = table([[say("over")], [say("kind")], [say("delay_ms"), true], [say("km"), true]]);
  const note = make("p.hint"),
    seen = make("p");
  add(
    make(
      "div.title",
      make("h1", `${name(from)} → ${name(to)}`),
      make("button", say("close"), { type: "button", onclick: () => page.choosePair(-1, -1) }),
    ),
    pairs(rows),
    page.measured ? make("p.hint", say("true_told")) : null,
    make("h2", say("way_there")),
    hops.element,
    seen,
    note,
  );
  return () => {
    const { there, back, rtt_ms, by } = page.ways;
    const costMs = (nodes) => geometricMs(sky, page.t_s, page.r, nodes);
    const least = shortest(sky, page.t_s, page.r, page.state, from, to);
    values.one_way.textContent = there ? `${number(there.delay_ms, 3)} ms` : say("no_way");
    values.back.textContent = back ? `${number(back.delay_ms, 3)} ms` : say("no_way");
    values.rtt.textContent = there && back ? `${number(rtt_ms, 3)} ms` : say("no_way");
    const geometric = there && back ? costMs(there.nodes) + costMs(back.nodes) : NaN;
    values.geometric.textContent = there && back ? `${number(geometric, 3)} ms` : say("no_way");
    values.least.textContent = least
      ? `${number(least.delay_ms + costMs(least.nodes.toReversed()), 3)} ms`
      : say("no_way");
    const bin = page.measured?.at(page.t_s);
    if (bin) {
      values.measured.textContent =
        bin.lost === bin.sent
          ? say("lost")
          : `${number(bin.median_ms, 3)} ms` + (bin.lost ? ` (${say("lost_of", bin)})` : "");
      values.true.textContent = Number.isFinite(bin.true_ms) ? `${number(bin.true_ms, 3)} ms` : say("no_way");
    }
    note.textContent = say(by === "routes" ? "by_routes" : "by_shortest", {
      protocol: sky.protocol,
      bound: sky.bound_us,
      changes: page.curve.changes.length,
    });
    seen.textContent = seenSaid(page, there);
    hops.rows(hopsOf(page, there));
  };
}

/** What the last trace saw, beside the way that the plan has. */
function seenSaid(page, there) {
  const seen = seenBetween(page.sky, page.from, page.to, page.t_s);
  if (!seen) return "";
  const path = seen.nodes.map((node) => page.sky.nodes[node]?.label ?? "?").join(" › ");
  if (!seen.nodes.length) return say("seen_none", { flow: seen.flow, t_s: seen.t_s.toFixed(2) });
  const same = seen.nodes.join() === (there?.nodes ?? []).join();
  return say(same ? "seen_same" : "seen_other", { flow: seen.flow, t_s: seen.t_s.toFixed(2), path });
}

function hopsOf(page, way) {
  const { sky, t_s, r } = page;
  const nodes = way?.nodes ?? [];
  const begin = nodes
    .slice(0, 1)
    .map((node) => ({ key: `${node}`, cells: [nodeButton(page, node), "", "", ""] }));
  const hops = crossed(sky, nodes).map(([link, side], k) => ({
    key: `${k}:${link}`,
    cells: [
      nodeButton(page, nodes[k + 1]),
      say(KINDS[sky.link_kind[link]]),
      number(crossingMs(sky, link, side, t_s), 3),
      number(distanceKm(r, nodes[k], nodes[k + 1]), 1),
    ],
  }));
  return [...begin, ...hops];
}

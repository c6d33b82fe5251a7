// A run that is looked at while it is played: what the server tells comes into the page as it comes.

import { $, make, table } from "view/dom";
import { figureOf } from "view/figures";
import { positions } from "view/motion";
import { states } from "view/network";
import { crossed, roundTrip } from "view/ways";
import { say } from "view/words";

const SHOWN = 40; // rows of stages and of nodes
const DOWN = 3,
  SILENT = 2; // states of a link, see network.js
const COLUMNS = ["t_s", "sent", "lost", "least_ms", "median_ms", "greatest_ms", "true_ms"];

/**
 * t_s: run time now; following: whether the page goes along with it; over: the verdict at the end. Since one looks on:
 * late, by how much events were late at most, ms; amounts, by node what it held and had in its battery.
 */
export class Live {
  constructor(page) {
    Object.assign(this, { page, t_s: 0, following: true, flows: {}, against: [], over: null, cut: false });
    this.network = this.stage = null;
    this.limits = [];
    this.past = new Map(); // by flow, columns of what was measured
    this.late = { t_s: [], values: [] };
    this.amounts = new Map();
    this.loads = new Map(); // by link and side, what it carried over time
    this.counted = false; // by the kernel, not by what flows tell
    this.keep = {
      stage: (told) => (this.stage = told),
      network: (told) => {
        Object.assign(this, { network: told, t_s: Math.max(0, told.t_s) });
        this.late.t_s.push(this.t_s);
        this.late.values.push(told.late_us / 1e3);
      },
      carried: ({ t_s, links }) => {
        const { numbers, linkBetween, link_a } = this.page.sky;
        this.counted = true;
        this.carry(
          t_s,
          links.map(([node, peer, mbps]) => {
            const [from, to] = [node, peer].map((name) => numbers.get(name));
            const link = linkBetween(from, to);
            return [link, link_a[link] === from ? 0 : 1, mbps];
          }),
        );
      },
      traffic: ({ t_s, flows, rows }) => {
        this.flows = flows;
        this.add(rows);
        this.keepAmounts(t_s);
        if (!this.counted) this.carry(t_s, this.brought(t_s));
      },
      past: (rows) => {
        this.past.clear();
        this.add(rows);
      },
      verdict: ({ reasons, limits }) => Object.assign(this, { against: reasons, limits }),
      over: (told) => {
        this.over = told;
        this.source.close();
      },
    };
  }

  listen(address) {
    this.source = new EventSource(address);
    for (const [kind, keep] of Object.entries(this.keep))
      this.source.addEventListener(kind, (event) => {
        keep(JSON.parse(event.data));
        if (!this.page.figure && figureOf(this.page)) this.page.showFigure();
        this.page.touch("sky");
      });
    for (const kind of ["open", "error"])
      this.source.addEventListener(kind, () => {
        this.cut = kind === "error" && !this.over;
        this.page.touch("sky");
      });
    $("live").hidden = false;
    $("live").addEventListener("click", () => this.follow());
  }

  follow(on = true) {
    this.following = on;
    if (on) this.page.play(false);
    this.page.touch("sky");
  }

  add(rows) {
    for (const [flow, its] of Object.entries(rows)) {
      if (!this.past.has(flow)) {
        this.past.set(flow, Object.fromEntries(COLUMNS.map((name) => [name, []])));
        if (this.page.curve) this.page.afterChoice(); // it may be between these two
      }
      const columns = this.past.get(flow);
      for (const row of its) {
        if (row[0] !== columns.t_s.at(-1)) row.forEach((value, n) => columns[COLUMNS[n]].push(value));
      }
    }
  }

  /** Links that are held down or silent by hand, put over the states that the plan has. */
  hold(state) {
    const { carrier, silence } = this.page.sky.properties;
    for (const [link, , what, value] of this.network?.held ?? []) {
      if (what === carrier) state[link] = value ? 1 : DOWN;
      else if (what === silence && value && state[link] === 1) state[link] = SILENT;
    }
  }

  /** What nodes hold, and have in their batteries, from now on. */
  keepAmounts(t_s) {
    const nodes = Object.values(this.flows).flatMap((of) => of.nodes ?? []);
    for (const { node, held_bytes, room_bytes, battery_pct } of nodes) {
      if (!this.amounts.has(node))
        this.amounts.set(node, {
          room_mb: room_bytes === null ? null : room_bytes / 1e6,
          t_s: [],
          held_mb: [],
          battery_pct: [],
        });
      const columns = this.amounts.get(node);
      columns.t_s.push(t_s);
      columns.held_mb.push(held_bytes / 1e6);
      columns.battery_pct.push(battery_pct ?? NaN);
    }
  }

  /** loads: [link, side, Mbit/s] from t_s on; all others carry nothing. */
  carry(t_s, loads) {
    const now = new Map();
    for (const [link, side, mbps] of loads) {
      const key = 2 * link + side;
      if (link >= 0) now.set(key, (now.get(key) ?? 0) + mbps);
    }
    for (const key of now.keys()) if (!this.loads.has(key)) this.loads.set(key, { t_s: [], values: [] });
    for (const [key, { t_s: times, values }] of this.loads) {
      times.push(t_s);
      values.push(now.get(key) ?? 0);
    }
  }

  /** What streams bring, on the links of their ways. */
  brought(t_s) {
    const { sky } = this.page;
    const sends = sky.flows.filter(([name]) => this.flows[name]?.mbps > 0);
    if (!sends.length) return [];
    const r = positions(sky, t_s),
      state = states(sky, t_s);
    return sends.flatMap(([name, , ...ends]) => {
      const [from, to] = ends.map((end) => sky.numbers.get(end));
      const { there } = roundTrip(sky, t_s, r, state, from, to);
      return there ? crossed(sky, there.nodes).map((way) => [...way, this.flows[name].mbps]) : [];
    });
  }

  /** What a side of a link carried, Mbit/s. */
  loadOver(link, side) {
    return this.loads.get(2 * link + side) ?? { t_s: [], values: [] };
  }

  /** What tasks say of a node, or undefined. */
  node(name) {
    for (const { nodes } of Object.values(this.flows)) {
      const found = nodes?.find((node) => node.node === name);
      if (found) return found;
    }
    return undefined;
  }
}

const number = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : "–");

/** What the run has come to, of all. Returns what brings it up to now. */
export function ofLive(page, add) {
  const parts = [ofVerdict, ofLimits, ofFlows, ofTasks, ofNodes].map((part) => part(page, page.live, add));
  return () => parts.forEach((update) => update());
}

function ofVerdict(page, live, add) {
  const box = make("div.verdict");
  add(box);
  let before = "";
  return () => {
    const { stage, network, over, against, limits, cut } = live;
    const unheld = limits.some(({ met }) => !met);
    const [status, sentences] = over
      ? [over.status, over.reasons]
      : [against.length ? "invalid" : unheld ? "fail" : "going", against];
    const head = over
      ? over.status.toUpperCase()
      : say(cut ? "cut" : against.length ? "speaks_against" : unheld ? "would_fail" : "nothing_against");
    const held = network?.held.length ? `, ${say("held_by_hand", { count: network.held.length })}` : "";
    const lines = [
      ...(stage && !over ? [`${stage.stage}: ${stage.note}`] : []),
      ...(network
        ? [
            say("network_told", {
              links: network.links,
              late: number(network.late_us / 1e3, 3),
              skipped: network.skipped,
              applied: network.applied,
              count: network.late,
            }) + held,
          ]
        : []),
    ];
    const now = JSON.stringify([status, head, lines, sentences]);
    if (now === before) return;
    before = now;
    box.className = `verdict ${status}`;
    box.replaceChildren(
      make("strong", head),
      ...lines.map((line) => make("p", line)),
      ...(sentences.length ? [make("ul", ...sentences.map((sentence) => make("li", sentence)))] : []),
    );
  };
}

/** The limits of `accept` of which something is known, and whether they hold so far. */
function ofLimits(page, live, add) {
  const show = section(add, say("limits"), [
    [say("flow")],
    [say("metric")],
    [say("so_far"), true],
    [say("accepted"), true],
    [say("holds")],
  ]);
  return () =>
    show(
      live.over
        ? []
        : live.limits.map(({ flow, metric, min, max, value, met }) => ({
            key: `${flow}/${metric}/${min}/${max}`,
            current: !met,
            cells: [
              flow,
              metric,
              String(+value.toPrecision(4)),
              [...(min === null ? [] : [`≥ ${min}`]), ...(max === null ? [] : [`≤ ${max}`])].join(", "),
              say(met ? "yes" : "no"),
            ],
          })),
    );
}

/** A section that is there once it has rows. */
function section(add, heading, columns) {
  const title = make("h2", heading),
    body = table(columns);
  const all = [title, body.element];
  all.forEach((element) => (element.hidden = true));
  add(...all);
  return (rows) => {
    all.forEach((element) => (element.hidden = !rows.length));
    body.rows(rows.slice(0, SHOWN));
  };
}

function ofFlows(page, live, add) {
  const show = section(add, say("flows"), [
    [say("flow")],
    [say("measured_ms"), true],
    [say("true_ms"), true],
    [say("error_us"), true],
    [say("lost"), true],
    [say("rate"), true],
  ]);
  const { sky } = page;
  return () =>
    show(
      sky.flows
        .filter(([name]) => live.flows[name] && !isCounted(live.flows[name]))
        .map(([name, , from, to]) => {
          const of = live.flows[name];
          const ends = [from, to].map((end) => sky.numbers.get(end));
          const go =
            from === to
              ? name
              : make("button.link", name, { type: "button", onclick: () => page.choosePair(...ends) });
          return {
            key: name,
            cells: [
              go,
              of.state ?? number((of.rtt_us ?? NaN) / 1e3, 3),
              number((of.true_us ?? NaN) / 1e3, 3),
              number(of.error_us ?? NaN, 1),
              "lost" in of ? `${of.lost} / ${of.sent}` : "–",
              number(of.mbps ?? NaN, 2),
            ],
          };
        }),
    );
}

/** Tasks are asked for, bundles created. */
function isCounted(of) {
  return "asked" in of || "created" in of;
}

function ofTasks(page, live, add) {
  const counts = section(add, say("tasks"), [
    [say("task")],
    [say("asked"), true],
    [say("delivered"), true],
    [say("response_s"), true],
  ]);
  const stages = section(add, say("stages"), [
    [say("task")],
    [say("stage")],
    [say("at")],
    [say("since_s"), true],
  ]);
  return () => {
    const tasks = Object.entries(live.flows).filter(([, of]) => isCounted(of));
    counts(
      tasks.map(([name, of]) => ({
        key: name,
        cells: [
          name,
          String(of.asked ?? of.created),
          String(of.delivered),
          number(of.responses_s?.mean ?? NaN, 1),
        ],
      })),
    );
    stages(
      tasks.flatMap(([name, of]) =>
        (of.stages ?? []).map(([count, stage, tile, node, peer, since_s]) => ({
          key: `${name}/${count}/${stage}/${tile}/${node}`,
          cells: [
            `${name} ${count}`,
            say(`stage_${stage}`),
            [node, peer].filter((place) => place !== null).join(" → ") || "–",
            number(since_s, 1),
          ],
        })),
      ),
    );
  };
}

function ofNodes(page, live, add) {
  const show = section(add, say("nodes_of_tasks"), [
    [say("node")],
    [say("held"), true],
    [say("battery"), true],
    [say("jobs"), true],
    [say("state")],
  ]);
  const busy = (node) => node.held_bytes + node.jobs + node.waiting > 0;
  return () => {
    const nodes = Object.values(live.flows).flatMap((of) => of.nodes ?? []);
    nodes.sort((a, b) => busy(b) - busy(a) || (a.battery_pct ?? 101) - (b.battery_pct ?? 101));
    show(
      nodes.map((node) => ({
        key: node.node,
        cells: [
          make("button.link", node.node, {
            type: "button",
            onclick: () => page.choose(page.sky.numbers.get(node.node)),
          }),
          ...figuresOf(node),
        ],
      })),
    );
  };
}

function figuresOf(node) {
  const states = [
    ...(node.dead ? ["dead"] : []),
    ...(node.paused ? ["paused"] : []),
    ...("sunlit" in node ? [node.sunlit ? "sunlit" : "eclipse"] : []),
  ];
  const room = node.room_bytes === null ? "" : ` / ${number(node.room_bytes / 1e6, 1)}`;
  return [
    number(node.held_bytes / 1e6, 1) + room,
    number(node.battery_pct ?? NaN, 1),
    node.waiting ? `${node.jobs} + ${node.waiting}` : String(node.jobs),
    states.map((state) => say(state)).join(", "),
  ];
}

/** What tasks say of the node that is chosen. */
export function ofLiveNode(page, add) {
  const line = make("p");
  add(line);
  const { name } = page.sky.nodes[page.chosen];
  return () => {
    const node = page.live.node(name);
    const words = ["held", "battery", "jobs", "state"];
    line.textContent = node
      ? figuresOf(node)
          .map((figure, n) => `${say(words[n])}: ${figure || "–"}`)
          .join(" · ")
      : "";
  };
}

// What is drawn below the picture for what is chosen: the round trip of a way, the line of a life, or what a node
// held and a link carried over time.

import { amountsOf, loadsOver } from "view/amounts";
import { chart, timeAt } from "view/chart";
import { make } from "view/dom";
import { nameOf, spansOf, untilOf, WORKS } from "view/lives";
import { lifeLine, plots, scale } from "view/plots";
import { say } from "view/words";

const ASIDE = 0.02; // of a life, before it and behind it

/** {key: what stands above it, draw(canvas), timeAt(canvas, px)}, or null: there is nothing to draw. */
export function figureOf(page) {
  const { sky, live } = page;
  if (page.curve) return ofWay(page);
  if (page.life >= 0) return ofLife(page);
  if (page.link >= 0) return ofSeries(page, loadsOver(sky, page.link, live), nameOfLink(sky, page.link));
  if (page.chosen >= 0) return ofSeries(page, amountsOf(sky, page.chosen, live), sky.nodes[page.chosen].label);
  if (live?.late.values.some((late_ms) => late_ms > 0))
    return ofSeries(page, [{ word: "late_ms", most: null, ...live.late }], "");
  return null;
}

export function nameOfLink(sky, link) {
  return `${sky.nodes[sky.link_a[link]].label} – ${sky.nodes[sky.link_b[link]].label}`;
}

function ofWay(page) {
  const { sky, from, to, curve, measured } = page;
  const part = (name, text) => make("span", make(`i.key.${name}`), text);
  return {
    key: [
      make("span", `${say("rtt_ms")} ${sky.nodes[from].label} → ${sky.nodes[to].label}`),
      ...(measured ? [part("measured", say("measured")), part("truth", say("true"))] : []),
    ],
    draw: (canvas) =>
      chart(canvas, page.palette, { duration_s: sky.duration_s, t_s: page.t_s, curve, measured }),
    timeAt: (canvas, px) => timeAt(canvas, px, sky.duration_s),
  };
}

function ofSeries(page, series, name) {
  if (!series.length) return null;
  const whole = { begin_s: 0, end_s: page.sky.duration_s };
  const labelled = series.map((one) => Object.assign(one, { label: say(one.word) }));
  return {
    key: [make("span", name)],
    draw: (canvas) => plots(canvas, page.palette, { ...whole, t_s: page.t_s }, labelled),
    timeAt: (canvas, px) => scale(canvas, whole).t_s(px),
  };
}

function ofLife(page) {
  const { sky, life } = page;
  const { flow, number } = nameOf(sky, life);
  const spans = spansOf(sky, life);
  const begin_s = Math.min(...spans.map(({ queued_s }) => queued_s)),
    until_s = untilOf(sky, spans);
  const aside_s = ASIDE * (until_s - begin_s) || 1;
  const times = { begin_s: begin_s - aside_s, end_s: until_s + aside_s };
  const nodes = [...new Set(spans.flatMap(({ node, peer }) => [node, peer]).filter((node) => node >= 0))];
  const bars = spans.map(({ stage, node, peer, queued_s, began_s, ended_s }) => ({
    row: nodes.indexOf(node),
    to: nodes.indexOf(peer),
    begin_s: queued_s,
    began_s: peer >= 0 || WORKS.includes(stage) ? began_s : NaN, // in other stages it waits
    end_s: Number.isNaN(ended_s) ? until_s : ended_s,
    busy: WORKS.includes(stage),
  }));
  const names = nodes.map((node) => sky.nodes[node].label);
  return {
    key: [make("span", `${flow} ${number}`), make("span", say("life_told"))],
    draw: (canvas) => lifeLine(canvas, page.palette, { ...times, t_s: page.t_s }, names, bars),
    timeAt: (canvas, px) => scale(canvas, times).t_s(px),
  };
}

// The panel of what is followed: a task or a bundle, where it is, and what it went through.

import { make, table } from "view/dom";
import { followed, isCrossing, nameOf, spansOf, timesOf } from "view/lives";
import { say } from "view/words";

const SHOWN = 300; // spans of a life

const number = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : "–");

/** Of all that can be followed a row each. */
export function ofFollowed(page, add) {
  const flows = followed(page.sky);
  if (!flows.length) return;
  const rows = table([[say("follow")], [say("count"), true]]);
  add(make("h2", say("followed")), rows.element, make("p.hint", say("follow_hint")));
  rows.rows(
    flows.map(({ name, first, count }) => ({
      key: name,
      cells: [
        make("button.link", name, { type: "button", onclick: () => page.follow(first) }),
        String(count),
      ],
    })),
  );
}

/** What one went through, and where it is. */
export function ofLife(page, add, nodeButton) {
  const { sky, life } = page;
  const name = nameOf(sky, life);
  const spans = spansOf(sky, life);
  const times = timesOf(spans);
  const now = make("span"),
    since = make("span");
  const other = (by, text) => {
    const place = name.place + by;
    const go = () => page.follow(name.first + Math.max(0, Math.min(name.of - 1, place)));
    return make("button", text, { type: "button", onclick: go });
  };
  const choice = make("input", {
    type: "number",
    value: String(name.number),
    min: "0",
    "aria-label": say("number_of_it"),
    onchange: (event) => page.followNumber(name.flow, Number(event.target.value)),
  });
  const rows = table([
    [say("stage")],
    [say("at")],
    [say("queued_s"), true],
    [say("began_s"), true],
    [say("ended_s"), true],
    [say("mb"), true],
  ]);
  add(
    make(
      "div.title",
      make("h1", `${name.flow} ${name.number}`),
      make("button", say("close"), { type: "button", onclick: () => page.follow(-1) }),
    ),
    make(
      "div.row",
      other(-1, "‹"),
      choice,
      other(1, "›"),
      make("span.hint", say("of_so_many", { place: name.place + 1, count: name.of })),
    ),
    make("p", now),
    make("p.hint", since),
    rows.element,
  );
  if (spans.length > SHOWN) add(make("p.hint", say("of_many", { shown: SHOWN, count: spans.length })));
  const cells = spans.slice(0, SHOWN).map((span) => ({
    key: String(span.row),
    span,
    cells: [
      make("button.link", stageOf(span), {
        type: "button",
        onclick: () => page.seek(span.began_s >= 0 ? span.began_s : span.queued_s),
      }),
      placeOf(span, nodeButton),
      number(span.queued_s, 2),
      number(span.began_s, 2),
      number(span.ended_s, 2),
      number(span.bytes / 1e6, 2),
    ],
  }));
  return () => {
    const { spans: here } = page.moment;
    now.textContent = saidOf(page, here);
    since.textContent = say("asked_at", {
      t_s: times[0].toFixed(3),
      after: Math.max(0, page.t_s - times[0]).toFixed(3),
    });
    rows.rows(
      cells.map((row) => ({ ...row, current: here.some(({ row: number }) => number === row.span.row) })),
    );
  };
}

function stageOf({ stage, tile, outcome }) {
  const fate = outcome === "done" ? "" : ` (${say(`outcome_${outcome}`)})`;
  return say(`stage_${stage}`) + (tile > 0 ? ` ${tile}` : "") + fate;
}

function placeOf({ node, peer }, nodeButton) {
  const ends = [node, peer].filter((one) => one >= 0).map(nodeButton);
  return ends.length ? make("span", ends[0], ...(ends.length > 1 ? [" → ", ends[1]] : [])) : "–";
}

/** Where it is, in words. */
export function saidOf(page, here) {
  const { sky, t_s } = page;
  const name = (node) => (node >= 0 ? sky.nodes[node].label : "–");
  const said = here.map((span) => {
    const place = { node: name(span.node), peer: name(span.peer), stage: stageOf(span) };
    if (span.ended_s <= t_s)
      return say("is_over", {
        ...place,
        node: name(span.peer >= 0 ? span.peer : span.node),
        outcome: say(`outcome_${span.outcome}`),
      });
    if (isCrossing(sky, span, t_s)) return say("is_crossing", place);
    if (span.began_s <= t_s && span.peer < 0) return say("is_busy", place);
    return say(span.peer < 0 ? "is_waiting" : "is_waiting_to_go", place);
  });
  return [...new Set(said)].join("; ") || say("is_not_yet");
}

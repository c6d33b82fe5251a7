// The panel of a link: what it is now each way, what it carries, and when it stands.

import { knowsLoad, loadMbps } from "view/amounts";
import { make, table } from "view/dom";
import { nameOfLink } from "view/figures";
import { distanceKm } from "view/motion";
import { crossingMs, KINDS, STATES, valueOf } from "view/network";
import { say } from "view/words";

const PASSES = 400; // shown of it
const number = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : "–");

export function ofLink(page, add, nodeButton) {
  const { sky, link } = page;
  const [a, b] = [sky.link_a[link], sky.link_b[link]];
  const state = make("span"),
    long = make("span");
  const sides = table([
    [say("direction")],
    [say("delay_ms"), true],
    [say("rate"), true],
    [say("loss"), true],
    ...(knowsLoad(sky, page.live) ? [[say("load_mbps"), true]] : []),
  ]);
  add(
    make(
      "div.title",
      make("h1", nameOfLink(sky, link)),
      make("button", say("close"), { type: "button", onclick: () => page.chooseLink(-1) }),
    ),
    make(
      "dl",
      ...[
        [say("kind"), say(KINDS[sky.link_kind[link]])],
        [say("state"), state],
        [say("km"), long],
      ].flatMap(([name, value]) => [make("dt", name), make("dd", value)]),
    ),
    sides.element,
    sky.run && knowsLoad(sky)
      ? make("p.hint", say(sky.run.load_counted ? "load_counted" : "load_by_flows"))
      : null,
    page.live ? make("p.hint", say("load_live")) : null,
  );
  const ends = [
    make("span", nodeButton(a), " → ", nodeButton(b)),
    make("span", nodeButton(b), " → ", nodeButton(a)),
  ];
  const all = contacts(sky, link);
  const rows = table([[say("stands")], [say("until_s"), true], [say("long_s"), true]]);
  add(make("h2", say("stands_when", { count: all.length })), rows.element);
  const cells = all.slice(0, PASSES).map(({ start_s, end_s }) => ({
    key: String(start_s),
    start_s,
    end_s,
    cells: [
      make("button.link", number(start_s, 1), { type: "button", onclick: () => page.seek(start_s) }),
      number(end_s, 1),
      number(end_s - start_s, 1),
    ],
  }));
  return () => {
    const { t_s, r } = page;
    const stands = page.state[link];
    state.textContent = say(["stands_not", "stands_now", STATES[2], STATES[3]][stands]);
    long.textContent = `${number(distanceKm(r, a, b), 1)} km`;
    sides.rows(
      [0, 1].map((side) => {
        const rate_mbps = valueOf(sky, link, side, "rate", t_s);
        return {
          key: String(side),
          cells: [
            ends[side],
            number(stands === 1 || stands === 2 ? crossingMs(sky, link, side, t_s) : NaN, 3),
            String(+rate_mbps.toPrecision(4)),
            `${+valueOf(sky, link, side, "loss", t_s).toPrecision(3)} %`,
            ...(knowsLoad(sky, page.live)
              ? [told(loadMbps(sky, link, side, t_s, page.live), rate_mbps)]
              : []),
          ],
        };
      }),
    );
    rows.rows(cells.map((row) => ({ ...row, current: row.start_s <= t_s && t_s < row.end_s })));
  };
}

/** What a side carries, and how much of its rate that is. */
export function told(mbps, rate_mbps) {
  if (!Number.isFinite(mbps)) return "–";
  const share = rate_mbps > 0 && mbps > 0 ? ` (${((100 * mbps) / rate_mbps).toFixed(0)} %)` : "";
  return `${+mbps.toPrecision(3)}${share}`;
}

function contacts(sky, link) {
  const rows = [];
  for (let row = 0; row < sky.contact_link.length; row++) {
    if (sky.contact_link[row] !== link) continue;
    rows.push({ start_s: sky.contact_start_s[row], end_s: sky.contact_end_s[row] });
  }
  return rows;
}

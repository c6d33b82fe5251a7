// A campaign that is run: a row for each run, brought up to what the server tells of it.

import { $, make, table } from "view/dom";
import { say, speak } from "view/words";

const given = JSON.parse($("data").textContent);
const states = new Map();
const language = navigator.language.slice(0, 2);
speak(given.words, language in given.words ? language : "en");

const counts = make("p.about");
const runs = table([
  [say("run")],
  ...given.parameters.map((name) => [name]),
  [say("repeat"), true],
  [say("seed"), true],
  [say("state")],
  [say("share"), true],
  [say("figures")],
]);
$("panel").append(make("h1", given.name), make("p.about", given.about), counts, runs.element);
let over = false,
  cut = false;

function show() {
  const all = given.runs.map(([key]) => states.get(key) ?? { stage: "", share: 0, lines: [] });
  const ended = {};
  for (const { verdict } of all) if (verdict) ended[verdict] = (ended[verdict] ?? 0) + 1;
  const done = all.filter(({ verdict }) => verdict).length;
  const going = all.filter(({ stage, verdict }) => stage && !verdict).length;
  counts.textContent = [
    say("runs_done", { done, count: all.length }),
    ...Object.entries(ended).map(([verdict, count]) => `${count} ${verdict}`),
    ...(going ? [say("runs_going", { going })] : []),
    ...(cut && !over ? [say("cut")] : []),
  ].join(" · ");
  runs.rows(
    given.runs.map(([key, parameters, repeat, seed], n) => ({
      key,
      cells: [
        key,
        ...parameters.map(String),
        String(repeat),
        String(seed),
        all[n].verdict ?? all[n].stage,
        all[n].stage ? `${Math.round(100 * all[n].share)} %` : "",
        all[n].lines.join("; "),
      ],
    })),
  );
  document.documentElement.dataset.ready = String(done);
}

const source = new EventSource("events");
const keep = {
  runs: (told) => Object.entries(told).forEach(([key, state]) => states.set(key, state)),
  run: ({ key, ...state }) => states.set(key, state),
  over: () => {
    over = true;
    source.close();
  },
};
for (const [kind, take] of Object.entries(keep))
  source.addEventListener(kind, (event) => {
    take(JSON.parse(event.data));
    show();
  });
for (const kind of ["open", "error"])
  source.addEventListener(kind, () => {
    cut = kind === "error";
    show();
  });
show();

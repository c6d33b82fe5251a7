// The page begins: the data is unpacked, and what the address asks for is shown.

import { skyOf, unpacked } from "view/data";
import { $ } from "view/dom";
import { listen } from "view/listening";
import { Live } from "view/live";
import { Page } from "view/page";
import { DARK, LIGHT } from "view/palettes";
import { panel } from "view/panel";

/** What an address, or else who wrote the page, asks for behind #: view, t, node, why, from, to, follow, load, lon, lat, zoom, theme, lang, play. */
function asked(page) {
  const wanted = new URLSearchParams(location.hash.slice(1) || page.sky.asked);
  const node = (key) => page.sky.numbers.get(wanted.get(key)) ?? -1;
  const dark = (wanted.get("theme") ?? "dark") !== "light";
  page.paintAs(dark ? DARK : LIGHT);
  const language = wanted.get("lang") ?? navigator.language.slice(0, 2);
  page.update = panel(page);
  page.speakIn(language in page.sky.words ? language : "en");
  if (wanted.get("view") in page.views) page.show(wanted.get("view"));
  page.seek(Number(wanted.get("t") ?? 0) || 0);
  if (wanted.has("why")) page.othersOpen = true;
  if (node("node") >= 0) page.choose(node("node"));
  if (node("from") >= 0 && node("to") >= 0) page.choosePair(node("from"), node("to"));
  if (wanted.has("follow")) page.followNumber(...followOf(wanted.get("follow")));
  if (wanted.has("load")) page.weigh(true);
  if (wanted.has("t")) page.seek(Number(wanted.get("t")) || 0);
  for (const key of ["lon", "lat", "zoom"]) {
    if (Number.isFinite(parseFloat(wanted.get(key)))) page.shown[key] = parseFloat(wanted.get(key));
  }
  page.touch("back");
  if (wanted.has("play")) page.play(true);
}

/** FLOW/NUMBER, as in fire/3. */
function followOf(text) {
  const at = text.lastIndexOf("/");
  return [text.slice(0, at), Number(text.slice(at + 1))];
}

const page = new Page(skyOf(await unpacked($("data").textContent.trim())));
if (page.sky.live) page.live = new Live(page);
listen(page);
page.face(...page.sky.nodes.slice(page.sky.satellites).map((node) => node.number));
asked(page);
if (page.live) {
  page.live.follow();
  page.live.listen("events");
}
addEventListener("hashchange", () => asked(page));
globalThis.skybed = page;
document.documentElement.dataset.ready = String(Math.round(performance.now())); // ms

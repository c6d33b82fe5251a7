// The page: what is shown and chosen, and who changes it.

import { chart, timeAt } from "view/chart";
import { skyOf, unpacked } from "view/data";
import { $, make } from "view/dom";
import { draw, isShown, shape, sizeOf, Sprites } from "view/drawing";
import { Globe } from "view/globe";
import { rings } from "view/land";
import { FlatMap } from "view/map";
import { measuredBetween } from "view/measured";
import { EARTH_KM, positions, sun } from "view/motion";
import { happenings, KINDS, states } from "view/network";
import { DARK, DASHES, LIGHT } from "view/palettes";
import { panel } from "view/panel";
import { Planes } from "view/planes";
import { history, roundTrip } from "view/ways";
import { say, speak } from "view/words";

const SPEEDS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800];
const WATCHED_S = 60; // in which the whole is played if nobody says otherwise
const TOLD_MS = 200; // how often the panel follows while time goes on
const NEAR_PX = 12; // of a click
const NARROW_PX = 800; // a window, in which the legend would cover the picture
const SUN_S = 60; // after which night is drawn anew

class Page {
  constructor(sky) {
    const land = rings(sky.land);
    this.sky = sky;
    this.views = { globe: new Globe(sky, land), map: new FlatMap(sky, land), planes: new Planes(sky) };
    Object.assign(this, {
      view: "globe", t_s: 0, playing: false, chosen: -1, hovered: -1, from: -1, to: -1, measured: null, ways: null,
      hiddenLayers: new Set(), hiddenKinds: new Set(), shaded: true, printed: false, palette: DARK, language: "en", frames: 0,
    });
    this.speed = SPEEDS.find((speed) => sky.duration_s / speed <= WATCHED_S) ?? SPEEDS.at(-1);
    this.events = happenings(sky);
    this.r = positions(sky, 0);
    this.state = states(sky, 0);
    this.views.globe.fit(this.r);
    this.stale = { back: true, sky: true, panel: true };
    this.tellAfter = 0;
  }

  get shown() {
    return this.views[this.view];
  }

  // -- time ----------------------------------------------------------------------------------------------------

  seek(t_s) {
    this.t_s = Math.max(0, Math.min(this.sky.duration_s, t_s));
    positions(this.sky, this.t_s, this.r);
    states(this.sky, this.t_s, this.state);
    this.findWays();
    this.touch("sky");
  }

  play(on = !this.playing) {
    if (on && this.t_s >= this.sky.duration_s) this.seek(0);
    this.playing = on;
    $("play").textContent = on ? "❚❚" : "▶";
    $("play").setAttribute("aria-label", say(on ? "pause" : "play"));
    this.before_ms = performance.now();
    this.touch("sky");
  }

  /** To the next event (by 1) or the one before (-1): of the way, of the node, or of all. */
  step(by) {
    const times = this.steps();
    const next = by > 0 ? times.find((t) => t > this.t_s + 1e-6) : times.findLast((t) => t < this.t_s - 1e-6);
    this.play(false);
    this.seek(next ?? (by > 0 ? this.sky.duration_s : 0));
    $("said").textContent = this.saidNow();
  }

  steps() {
    if (this.curve) return this.curve.changes;
    const of = (link) => this.chosen < 0 || [this.sky.link_a[link], this.sky.link_b[link]].includes(this.chosen);
    return this.events.filter((event) => of(event.link)).map((event) => event.t_s);
  }

  saidNow() {
    const { sky } = this;
    const now = this.events.filter((event) => Math.abs(event.t_s - this.t_s) < 1e-6).slice(0, 3);
    const links = now.map(({ link, what }) => `${sky.nodes[sky.link_a[link]].name}–${sky.nodes[sky.link_b[link]].name}: ${say(`event_${what}`)}`);
    const way = this.curve && this.ways?.there ? [this.ways.there.nodes.map((n) => sky.nodes[n].name).join(" › ")] : [];
    return [`${this.t_s.toFixed(3)} s`, ...way, ...(way.length ? [] : links)].join(" · ");
  }

  // -- what is chosen ------------------------------------------------------------------------------------------

  choose(node) {
    this.chosen = node;
    if (node >= 0) this.forgetPair();
    this.afterChoice();
  }

  /** One end of a way; with the other one it is shown. */
  setEnd(end, node) {
    this[end] = node;
    $(end).value = node >= 0 ? this.sky.nodes[node].name : "";
    this.afterChoice();
  }

  choosePair(from, to) {
    Object.assign(this, { from, to });
    for (const end of ["from", "to"]) $(end).value = this[end] >= 0 ? this.sky.nodes[this[end]].name : "";
    if (from < 0) this.chosen = -1;
    if (from >= 0 && to >= 0) this.face(from, to);
    this.afterChoice();
  }

  /** The globe turned so that some nodes, or those on the ground, lie before it. */
  face(...nodes) {
    const sum = [0, 1, 2].map((i) => nodes.reduce((all, n) => all + this.r[3 * n + i] / Math.hypot(...this.r.subarray(3 * n, 3 * n + 3)), 0));
    if (Math.hypot(...sum) > 0.1) this.views.globe.centre(...sum.map((part) => part * EARTH_KM));
    this.touch("back");
  }

  forgetPair() {
    if (this.from >= 0 && this.to >= 0) Object.assign(this, { from: -1, to: -1 });
    for (const end of ["from", "to"]) if (this[end] < 0) $(end).value = "";
  }

  afterChoice() {
    const both = this.from >= 0 && this.to >= 0 && this.from !== this.to;
    if (both) this.chosen = -1;
    this.curve = both ? history(this.sky, this.from, this.to) : null;
    this.measured = both ? measuredBetween(this.sky, this.from, this.to) : null;
    this.findWays();
    $("chart").hidden = $("chart-key").hidden = !both;
    if (both) $("chart-key").replaceChildren(...this.chartKey());
    this.resize();
    this.update = panel(this);
    this.touch("sky");
  }

  chartKey() {
    const key = (name, text) => [make(`i.key.${name}`), text];
    const sentence = make("span", `${say("rtt_ms")} ${this.sky.nodes[this.from].name} → ${this.sky.nodes[this.to].name}`);
    if (!this.measured) return [sentence];
    return [sentence, make("span", ...key("measured", say("measured"))), make("span", ...key("truth", say("true")))];
  }

  findWays() {
    const both = this.from >= 0 && this.to >= 0 && this.from !== this.to;
    this.ways = both ? roundTrip(this.sky, this.t_s, this.r, this.state, this.from, this.to) : null;
  }

  centre(node) {
    this.shown.centre(...this.r.subarray(3 * node, 3 * node + 3));
    this.touch("back");
  }

  /** The node that is drawn near a place, or -1; what is on the ground comes first. */
  nodeAt(x, y) {
    let best = -1, least = NEAR_PX ** 2;
    for (let n = this.sky.nodes.length - 1; n >= 0; n--) {
      if (this.shown.hidden[n] || !isShown(this, n)) continue;
      const far = (this.shown.x[n] - x) ** 2 + (this.shown.y[n] - y) ** 2;
      if (far < least) [best, least] = [n, far];
    }
    return best;
  }

  // -- drawing -------------------------------------------------------------------------------------------------

  touch(what) {
    this.stale[what] = true;
    if (what === "back") this.stale.sky = true;
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    this.asked = false;
    if (this.playing) {
      const t_s = this.t_s + ((now - this.before_ms) / 1000) * this.speed;
      this.before_ms = now;
      if (t_s > this.t_s) this.seek(t_s);
      if (this.t_s >= this.sky.duration_s) this.play(false);
    }
    if (this.shaded && Math.abs(this.t_s - (this.shaded_s ?? -SUN_S)) >= SUN_S) this.stale.back = true;
    this.paint(now);
    this.frames++;
    if (this.playing) this.touch("sky");
  }

  paint(now) {
    const view = this.shown;
    if (this.stale.back) this.paintBack(view, this.contextOf("back"));
    view.place(this.r);
    const sky = this.contextOf("sky");
    if (this.printed) this.paintBack(view, sky); // what is cleared is white on paper, and hides what lies below
    else sky.clearRect(0, 0, view.width, view.height);
    draw(sky, view, {
      sky: this.sky, r: this.r, t_s: this.t_s, state: this.state, palette: this.palette, sprites: this.sprites,
      hiddenLayers: this.hiddenLayers, hiddenKinds: this.hiddenKinds, chosen: this.chosen, hovered: this.hovered,
      there: this.ways?.there?.nodes, back: this.ways?.back?.nodes,
    });
    this.stale = { back: false, sky: false };
    if (!this.playing || now - this.tellAfter > TOLD_MS) this.tell(now);
  }

  paintBack(view, back) {
    back.fillStyle = this.palette.space;
    back.fillRect(0, 0, view.width, view.height);
    if (this.palette.stars && this.view === "globe") stars(back, view.width, view.height);
    view.backdrop(back, this.palette, sun(this.sky.begin_s + this.t_s), this.shaded);
    this.shaded_s = this.t_s;
  }

  contextOf(id) {
    const context = $(id).getContext("2d");
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    return context;
  }

  /** Words and numbers beside the picture. */
  tell(now) {
    this.tellAfter = now;
    const { sky, t_s } = this;
    $("time").value = t_s;
    const utc = new Date((sky.begin_s + t_s) * 1000).toISOString().replace("T", " ").slice(0, 21);
    $("clock").replaceChildren(make("b", `${t_s.toFixed(t_s < 1e4 ? 2 : 1)} s`), ` / ${+sky.duration_s.toFixed(1)} s`, make("span.utc", `${utc} UTC`));
    $("time").setAttribute("aria-valuetext", `${t_s.toFixed(1)} s, ${utc} UTC`);
    this.update();
    if (this.curve) chart($("chart"), this.palette, { duration_s: sky.duration_s, t_s, curve: this.curve, measured: this.measured });
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = $("stage");
    for (const id of ["back", "sky"]) {
      const [wide, high] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
      if ($(id).width !== wide || $(id).height !== high) Object.assign($(id), { width: wide, height: high });
    }
    for (const view of Object.values(this.views)) view.resize(width, height);
    this.touch("back");
  }

  // -- how it looks --------------------------------------------------------------------------------------------

  show(view) {
    this.view = view;
    for (const name of Object.keys(this.views)) $(`view-${name}`).setAttribute("aria-pressed", String(name === view));
    this.touch("back");
  }

  paintAs(palette) {
    this.palette = palette;
    document.documentElement.dataset.theme = palette === DARK ? "dark" : "light";
    this.sprites = new Sprites(palette, sizeOf(this.sky.satellites), devicePixelRatio);
    this.legend();
    this.touch("back");
  }

  speakIn(language) {
    this.language = language;
    $("language").value = language;
    speak(this.sky.words, language);
    this.legend();
    this.afterChoice();
    this.play(this.playing);
  }

  legend() {
    const { sky, palette } = this;
    const rows = [...sky.layers.map((layer, n) => [n, layer.name]), ...(sky.nodes.length > sky.satellites ? [[-1, say("ground")]] : [])];
    const toggle = (set, key, picture, text) => make("label", make("input", { type: "checkbox", onchange: () => {
      if (!set.delete(key)) set.add(key);
      this.touch("sky");
    }, ...(set.has(key) ? {} : { checked: "" }) }), picture, text);
    const kinds = KINDS.filter((_, k) => sky.link_kind.includes(k));
    $("legend-rows").replaceChildren(
      ...rows.map(([layer, name]) => toggle(this.hiddenLayers, layer, mark(palette, layer), name)),
      ...kinds.map((kind) => toggle(this.hiddenKinds, kind, stripe(palette.links[kind], DASHES[kind]), say(kind))),
      ...(sky.lost_link.length ? [make("span.still", stripe(palette.broken, DASHES.silent), say("fault"))] : []),
      make("label", make("input", { type: "checkbox", onchange: () => {
        this.shaded = !this.shaded;
        this.touch("back");
      }, ...(this.shaded ? { checked: "" } : {}) }), make("span.moon", "☾"), say("night")),
    );
  }
}

/** How a layer is drawn, as a picture for the legend. */
function mark(palette, layer) {
  const canvas = make("canvas", { width: "32", height: "32", "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  if (layer >= 0) context.drawImage(new Sprites(palette, 5, 2).of(layer), 3, 3);
  else {
    shape(context, "square", 16, 16, 9);
    Object.assign(context, { strokeStyle: palette.ground, lineWidth: 3 });
    context.stroke();
  }
  return canvas;
}

function stripe(colour, dash) {
  const canvas = make("canvas", { width: "32", height: "32", "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  context.setLineDash(dash.map((long) => 2 * long));
  Object.assign(context, { strokeStyle: colour, lineWidth: 4 });
  context.beginPath();
  context.moveTo(1, 16);
  context.lineTo(31, 16);
  context.stroke();
  return canvas;
}

/** The same each time: a linear congruential generator. */
function stars(context, width, height) {
  let seed = 7;
  const next = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  for (let n = 0; n < 260; n++) {
    context.fillStyle = `rgba(220,230,255,${0.1 + 0.4 * next() ** 3})`;
    const size = 0.6 + 0.9 * next();
    context.fillRect(next() * width, next() * height, size, size);
  }
}

// -- who changes it --------------------------------------------------------------------------------------------

function listen(page) {
  const { sky } = page;
  $("time").max = sky.duration_s;
  $("time").step = sky.duration_s / 1000;
  $("time").addEventListener("input", () => page.seek(Number($("time").value)));
  $("play").addEventListener("click", () => page.play());
  $("next").addEventListener("click", () => page.step(1));
  $("before").addEventListener("click", () => page.step(-1));
  $("speed").append(...SPEEDS.map((speed) => make("option", `${speed} ×`, { value: String(speed) })));
  $("speed").value = String(page.speed);
  $("speed").addEventListener("change", () => (page.speed = Number($("speed").value)));
  $("language").append(...Object.entries(sky.words).map(([name, words]) => make("option", words.language, { value: name })));
  $("language").addEventListener("change", () => page.speakIn($("language").value));
  $("theme").addEventListener("click", () => page.paintAs(page.palette === DARK ? LIGHT : DARK));
  $("names").append(...sky.nodes.map((node) => make("option", { value: node.name })));
  for (const name of Object.keys(page.views)) $(`view-${name}`).addEventListener("click", () => page.show(name));
  for (const end of ["from", "to"]) {
    $(end).addEventListener("change", () => page.setEnd(end, sky.numbers.get($(end).value) ?? -1));
  }
  $("find").addEventListener("change", () => {
    const node = sky.numbers.get($("find").value) ?? -1;
    if (node < 0) return;
    page.choose(node);
    page.centre(node);
    $("find").value = "";
  });
  $("chart").addEventListener("pointerdown", (event) => page.seek(timeAt($("chart"), event.offsetX, sky.duration_s)));
  addEventListener("keydown", (event) => pressed(page, event));
  new ResizeObserver(() => page.resize()).observe($("stage"));
  addEventListener("beforeprint", () => forPrint(page));
  $("legend").open = innerWidth > NARROW_PX;
  pointed(page);
}

/** A light sky of the size of the paper, and afterwards the one that was there. */
function forPrint(page) {
  const before = page.palette;
  const become = (printed, palette) => {
    document.documentElement.classList.toggle("printed", printed);
    page.printed = printed;
    page.paintAs(palette);
    page.resize();
    page.paint(performance.now());
  };
  become(true, LIGHT);
  addEventListener("afterprint", () => become(false, before), { once: true });
}

function pressed(page, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=range]):not([type=checkbox]), select")) return;
  const faster = (by) => {
    const at = SPEEDS.indexOf(page.speed) + by;
    page.speed = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at))];
    $("speed").value = String(page.speed);
  };
  const jump = (page.sky.duration_s / 100) * (event.shiftKey ? 10 : 1);
  const turn = 40;
  const onStage = event.target === $("sky");
  const keys = {
    " ": () => page.play(), n: () => page.step(1), p: () => page.step(-1), "[": () => faster(-1), "]": () => faster(1),
    1: () => page.show("globe"), 2: () => page.show("map"), 3: () => page.show("planes"),
    t: () => page.paintAs(page.palette === DARK ? LIGHT : DARK), "+": () => zoom(page, 1.25), "-": () => zoom(page, 0.8),
    "/": () => $("find").focus(), Escape: () => page.choosePair(-1, -1),
    ArrowLeft: () => (onStage ? move(page, turn, 0) : page.seek(page.t_s - jump)),
    ArrowRight: () => (onStage ? move(page, -turn, 0) : page.seek(page.t_s + jump)),
    ArrowUp: () => onStage && move(page, 0, turn), ArrowDown: () => onStage && move(page, 0, -turn),
    Home: () => page.seek(0), End: () => page.seek(page.sky.duration_s),
  };
  const key = keys[event.key];
  const its = event.target === $("time") && event.key.startsWith("Arrow");
  if (!key || its || (event.key === " " && event.target.matches("button, summary, input[type=checkbox]"))) return;
  event.preventDefault();
  key();
}

function move(page, dx, dy) {
  page.shown.drag(dx, dy);
  page.touch("back");
}

function zoom(page, factor, x, y) {
  page.shown.zoomBy(factor, x, y);
  page.touch("back");
}

/** Drag, wheel, two fingers, click; with Shift a click chooses the other end of a way. */
function pointed(page) {
  const canvas = $("sky"), fingers = new Map();
  let moved = 0, apart = 0;
  canvas.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    canvas.setPointerCapture(event.pointerId);
    moved = apart = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return hover(page, event);
    const [dx, dy] = [event.offsetX - before[0], event.offsetY - before[1]];
    moved += Math.hypot(dx, dy);
    fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    if (fingers.size === 1 && moved > 3) move(page, dx, dy);
    if (fingers.size === 2) {
      const [[x, y], [u, v]] = fingers.values();
      const now = Math.hypot(x - u, y - v);
      if (apart) zoom(page, now / apart, (x + u) / 2, (y + v) / 2);
      apart = now;
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    fingers.delete(event.pointerId);
    if (moved <= 3) clicked(page, page.nodeAt(event.offsetX, event.offsetY), event.shiftKey);
  });
  canvas.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(page, Math.exp(-event.deltaY / 500), event.offsetX, event.offsetY);
  }, { passive: false });
}

function hover(page, event) {
  const node = page.nodeAt(event.offsetX, event.offsetY);
  if (node === page.hovered) return;
  page.hovered = node;
  $("sky").style.cursor = node >= 0 ? "pointer" : "grab";
  page.touch("sky");
}

function clicked(page, node, withShift) {
  if (withShift && node >= 0 && page.chosen >= 0) page.choosePair(page.chosen, node);
  else if (node >= 0 && page.from >= 0 && page.to < 0) page.setEnd("to", node);
  else if (node >= 0 && page.to >= 0 && page.from < 0) page.setEnd("from", node);
  else page.choose(node);
}

/** What an address asks for behind #: view, t, node, from, to, lon, lat, zoom, theme, lang, play. */
function asked(page) {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const node = (key) => page.sky.numbers.get(wanted.get(key)) ?? -1;
  const dark = (wanted.get("theme") ?? "dark") !== "light";
  page.paintAs(dark ? DARK : LIGHT);
  const language = wanted.get("lang") ?? navigator.language.slice(0, 2);
  page.update = panel(page);
  page.speakIn(language in page.sky.words ? language : "en");
  if (wanted.get("view") in page.views) page.show(wanted.get("view"));
  page.seek(Number(wanted.get("t") ?? 0) || 0);
  if (node("node") >= 0) page.choose(node("node"));
  if (node("from") >= 0 && node("to") >= 0) page.choosePair(node("from"), node("to"));
  for (const key of ["lon", "lat", "zoom"]) {
    if (Number.isFinite(parseFloat(wanted.get(key)))) page.shown[key] = parseFloat(wanted.get(key));
  }
  page.touch("back");
  if (wanted.has("play")) page.play(true);
}

const page = new Page(skyOf(await unpacked($("data").textContent.trim())));
listen(page);
page.face(...page.sky.nodes.slice(page.sky.satellites).map((node) => node.number));
asked(page);
addEventListener("hashchange", () => asked(page));
globalThis.skybed = page;
document.documentElement.dataset.ready = "yes";

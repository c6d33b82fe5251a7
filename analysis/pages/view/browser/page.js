// What is shown at which time, and what is chosen; drawn anew when that changes.

import { loadShare } from "view/amounts";
import { $, make } from "view/dom";
import { draw, isShown, sizeOf, Sprites } from "view/drawing";
import { figureOf } from "view/figures";
import { saidOf } from "view/following";
import { Globe } from "view/globe";
import { rings } from "view/land";
import { legend } from "view/legend";
import { lifeOf, momentOf, spansOf, timesOf } from "view/lives";
import { FlatMap } from "view/map";
import { measuredBetween } from "view/measured";
import { EARTH_KM, positions, sun } from "view/motion";
import { happenings, states } from "view/network";
import { DARK } from "view/palettes";
import { panel } from "view/panel";
import { Planes } from "view/planes";
import { history, roundTrip } from "view/ways";
import { say, speak } from "view/words";

export const SPEEDS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800];
const WATCHED_S = 60; // in which the whole is played if nobody says otherwise
const TOLD_MS = 200; // how often the panel follows while time goes on
const NEAR_PX = 12; // of a click
const SUN_S = 60; // after which night is drawn anew

export class Page {
  constructor(sky) {
    const land = rings(sky.land);
    this.sky = sky;
    this.views = { globe: new Globe(sky, land), map: new FlatMap(sky, land), planes: new Planes(sky) };
    Object.assign(this, {
      view: "globe",
      t_s: 0,
      playing: false,
      chosen: -1,
      hovered: -1,
      from: -1,
      to: -1,
      link: -1,
      life: -1, // that is followed, see lives.js
      moment: null, // where that is now
      figure: null, // below the picture
      measured: null,
      ways: null,
      hiddenLayers: new Set(),
      hiddenKinds: new Set(),
      shaded: true,
      weighted: false, // links by what they carry
      printed: false,
      palette: DARK,
      live: null, // of a run that is played meanwhile

      frames: 0,
    });
    this.speed = SPEEDS.find((speed) => sky.duration_s / speed <= WATCHED_S) ?? SPEEDS.at(-1);
    this.events = happenings(sky);
    this.r = positions(sky, 0);
    this.state = states(sky, 0);
    this.views.globe.fit(this.r);
    this.stale = { back: true, sky: true };
    this.tellAfter = 0;
  }

  get shown() {
    return this.views[this.view];
  }

  // -- time ----------------------------------------------------------------------------------------------------

  /** By hand; a page that goes along with a run does so no longer. */
  seek(t_s) {
    if (this.live) this.live.following = false;
    this.go(t_s);
  }

  go(t_s) {
    this.t_s = Math.max(0, Math.min(this.sky.duration_s, t_s));
    positions(this.sky, this.t_s, this.r);
    states(this.sky, this.t_s, this.state);
    if (this.live?.following) this.live.hold(this.state);
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
    this.faceFollowed();
    $("said").textContent = this.saidNow();
  }

  steps() {
    if (this.curve) return this.curve.changes;
    if (this.life >= 0) return timesOf(this.spans);
    const of = (link) =>
      this.link >= 0
        ? link === this.link
        : this.chosen < 0 || [this.sky.link_a[link], this.sky.link_b[link]].includes(this.chosen);
    return this.events.filter((event) => of(event.link)).map((event) => event.t_s);
  }

  saidNow() {
    const { sky } = this;
    const now = this.events.filter((event) => Math.abs(event.t_s - this.t_s) < 1e-6).slice(0, 3);
    if (this.life >= 0) return `${this.t_s.toFixed(3)} s · ${saidOf(this, this.moment.spans)}`;
    const links = now.map(({ link, what, direction, value }) => {
      const [a, b] = [sky.link_a[link], sky.link_b[link]].map((node) => sky.nodes[node].label);
      const ends = { 1: `${a} → ${b}`, 2: `${b} → ${a}` }[direction] ?? `${a} – ${b}`;
      return `${ends}: ${say(`event_${what}`, { value: +(value ?? 0).toPrecision(4) })}`;
    });
    const way =
      this.curve && this.ways?.there ? [this.ways.there.nodes.map((n) => sky.nodes[n].label).join(" › ")] : [];
    return [`${this.t_s.toFixed(3)} s`, ...way, ...(way.length ? [] : links)].join(" · ");
  }

  // -- what is chosen ------------------------------------------------------------------------------------------

  choose(node) {
    Object.assign(this, { chosen: node, link: -1, life: -1 });
    if (node >= 0) this.forgetPair();
    this.afterChoice();
  }

  chooseLink(link) {
    Object.assign(this, { chosen: -1, link, life: -1 });
    if (link >= 0) this.forgetPair();
    this.afterChoice();
  }

  /** A task or a bundle by its number in the file; -1: no more. */
  follow(life) {
    Object.assign(this, { chosen: -1, link: -1, life });
    this.spans = life >= 0 ? spansOf(this.sky, life) : [];
    if (life >= 0) {
      this.forgetPair();
      const times = timesOf(this.spans);
      if (this.t_s < times[0] || this.t_s > times.at(-1)) this.seek(times[0]);
    }
    this.afterChoice();
    this.faceFollowed();
  }

  /** One by the name of its flow, and its number there; if there is no such one, the one that is shown stays. */
  followNumber(flow, number) {
    const life = lifeOf(this.sky, flow, number);
    this.follow(life >= 0 ? life : this.life);
  }

  /** One end of a way; with the other one it is shown. */
  setEnd(end, node) {
    this[end] = node;
    $(end).value = node >= 0 ? this.sky.nodes[node].label : "";
    this.afterChoice();
  }

  choosePair(from, to) {
    Object.assign(this, { from, to });
    for (const end of ["from", "to"]) $(end).value = this[end] >= 0 ? this.sky.nodes[this[end]].label : "";
    if (from < 0) Object.assign(this, { chosen: -1, link: -1, life: -1 });
    if (from >= 0 && to >= 0) this.face(from, to);
    this.afterChoice();
  }

  /** The globe turned so that some nodes, or those on the ground, lie before it. */
  face(...nodes) {
    const sum = [0, 1, 2].map((i) =>
      nodes.reduce((all, n) => all + this.r[3 * n + i] / Math.hypot(...this.r.subarray(3 * n, 3 * n + 3)), 0),
    );
    if (Math.hypot(...sum) > 0.1) this.views.globe.centre(...sum.map((part) => part * EARTH_KM));
    this.touch("back");
  }

  /** The globe turned to what is followed where all of it lies behind. */
  faceFollowed() {
    const held = this.moment?.held ?? [];
    this.views.globe.place(this.r);
    if (held.length && held.every((node) => this.views.globe.hidden[node])) this.face(...held);
  }

  forgetPair() {
    if (this.from >= 0 && this.to >= 0) Object.assign(this, { from: -1, to: -1 });
    for (const end of ["from", "to"]) if (this[end] < 0) $(end).value = "";
  }

  afterChoice() {
    const both = this.from >= 0 && this.to >= 0 && this.from !== this.to;
    if (both) Object.assign(this, { chosen: -1, link: -1, life: -1 });
    this.curve = both ? history(this.sky, this.from, this.to) : null;
    this.measured = both ? measuredBetween(this.sky, this.from, this.to, this.live) : null;
    this.findWays();
    this.showFigure();
    this.update = panel(this);
    this.touch("sky");
  }

  /** What there is to draw below the picture for what is chosen. */
  showFigure() {
    this.figure = figureOf(this);
    $("chart").hidden = $("chart-key").hidden = !this.figure;
    if (this.figure) $("chart-key").replaceChildren(...this.figure.key);
    this.resize();
  }

  findWays() {
    const both = this.from >= 0 && this.to >= 0 && this.from !== this.to;
    const now = [this.t_s, this.r, this.state];
    this.ways = both ? roundTrip(this.sky, ...now, this.from, this.to) : null;
    this.moment = this.life >= 0 ? momentOf(this.sky, this.spans, ...now) : null;
  }

  /** Whether links are drawn by what they carry. */
  weigh(on) {
    this.weighted = on;
    if ($("weighted")) $("weighted").checked = on;
    this.touch("sky");
  }

  /** What a link carries of what it could, 0 to 1, in the direction in which that is more. */
  shareOf(link) {
    const now = [this.t_s, this.live];
    return Math.max(loadShare(this.sky, link, 0, ...now), loadShare(this.sky, link, 1, ...now));
  }

  centre(node) {
    this.shown.centre(...this.r.subarray(3 * node, 3 * node + 3));
    this.touch("back");
  }

  /** The node that is drawn near a place, or -1; what is on the ground comes first. */
  nodeAt(x, y) {
    let best = -1,
      least = NEAR_PX ** 2;
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
    if (this.live?.following && this.t_s !== this.live.t_s) this.go(this.live.t_s);
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
    if (this.printed)
      this.paintBack(view, sky); // what is cleared is white on paper, and hides what lies below
    else sky.clearRect(0, 0, view.width, view.height);
    draw(sky, view, {
      sky: this.sky,
      r: this.r,
      t_s: this.t_s,
      state: this.state,
      palette: this.palette,
      sprites: this.sprites,
      hiddenLayers: this.hiddenLayers,
      hiddenKinds: this.hiddenKinds,
      chosen: this.chosen,
      hovered: this.hovered,
      link: this.link,
      there: this.ways?.there?.nodes,
      back: this.ways?.back?.nodes,
      followed: this.moment,
      shareOf: this.weighted ? (link) => this.shareOf(link) : null,
    });
    this.stale = { back: false, sky: false };
    const moves = this.playing || this.live?.following;
    if (!moves || now - this.tellAfter > TOLD_MS) this.tell(now);
    else if (!this.playing) setTimeout(() => this.touch("sky"), TOLD_MS);
  }

  paintBack(view, back) {
    back.fillStyle = this.palette.space;
    back.fillRect(0, 0, view.width, view.height);
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
    if (this.live) $("live").setAttribute("aria-pressed", String(this.live.following));
    const utc = new Date((sky.begin_s + t_s) * 1000).toISOString().replace("T", " ").slice(0, 21);
    $("clock").replaceChildren(
      make("b", `${t_s.toFixed(t_s < 1e4 ? 2 : 1)} s`),
      ` / ${+sky.duration_s.toFixed(1)} s`,
      make("span.utc", `${utc} UTC`),
    );
    $("time").setAttribute("aria-valuetext", `${t_s.toFixed(1)} s, ${utc} UTC`);
    this.update();
    this.figure?.draw($("chart"));
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
    for (const name of Object.keys(this.views))
      $(`view-${name}`).setAttribute("aria-pressed", String(name === view));
    this.touch("back");
  }

  paintAs(palette) {
    this.palette = palette;
    document.documentElement.dataset.theme = palette === DARK ? "dark" : "light";
    this.sprites = new Sprites(palette, sizeOf(this.sky.satellites), devicePixelRatio);
    legend(this);
    this.touch("back");
  }

  speakIn(language) {
    $("language").value = language;
    speak(this.sky.words, language);
    legend(this);
    this.afterChoice();
    this.play(this.playing);
  }
}

// Who changes what is shown: buttons, fields, keys, mouse and fingers, and the printer.

import { $, make } from "view/dom";
import { SPEEDS } from "view/page";
import { DARK, LIGHT } from "view/palettes";

const NARROW_PX = 800; // a window, in which the legend would cover the picture
const TURN_PX = 40; // of an arrow key

export function listen(page) {
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
  $("language").append(
    ...Object.entries(sky.words).map(([name, words]) => make("option", words.language, { value: name })),
  );
  $("language").addEventListener("change", () => page.speakIn($("language").value));
  $("theme").addEventListener("click", () => page.paintAs(page.palette === DARK ? LIGHT : DARK));
  $("names").append(...sky.nodes.map((node) => make("option", { value: node.label })));
  for (const name of Object.keys(page.views))
    $(`view-${name}`).addEventListener("click", () => page.show(name));
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
  $("chart").addEventListener("pointerdown", (event) =>
    page.seek(page.figure.timeAt($("chart"), event.offsetX)),
  );
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
  if (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    event.target.matches("input:not([type=range]):not([type=checkbox]), select")
  )
    return;
  const faster = (by) => {
    const at = SPEEDS.indexOf(page.speed) + by;
    page.speed = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at))];
    $("speed").value = String(page.speed);
  };
  const jump = (page.sky.duration_s / 100) * (event.shiftKey ? 10 : 1);
  const onStage = event.target === $("sky");
  const keys = {
    " ": () => page.play(),
    n: () => page.step(1),
    p: () => page.step(-1),
    "[": () => faster(-1),
    "]": () => faster(1),
    1: () => page.show("globe"),
    2: () => page.show("map"),
    3: () => page.show("planes"),
    t: () => page.paintAs(page.palette === DARK ? LIGHT : DARK),
    "+": () => zoom(page, 1.25),
    "-": () => zoom(page, 0.8),
    "/": () => $("find").focus(),
    Escape: () => page.choosePair(-1, -1),
    ArrowLeft: () => (onStage ? move(page, TURN_PX, 0) : page.seek(page.t_s - jump)),
    ArrowRight: () => (onStage ? move(page, -TURN_PX, 0) : page.seek(page.t_s + jump)),
    ArrowUp: () => onStage && move(page, 0, TURN_PX),
    ArrowDown: () => onStage && move(page, 0, -TURN_PX),
    Home: () => page.seek(0),
    End: () => page.seek(page.sky.duration_s),
  };
  const key = keys[event.key];
  const its = event.target === $("time") && event.key.startsWith("Arrow");
  if (!key || its || (event.key === " " && event.target.matches("button, summary, input[type=checkbox]")))
    return;
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
  const canvas = $("sky"),
    fingers = new Map();
  let moved = 0,
    apart = 0;
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
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      zoom(page, Math.exp(-event.deltaY / 500), event.offsetX, event.offsetY);
    },
    { passive: false },
  );
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

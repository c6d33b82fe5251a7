// The sky of an instant on a canvas, on whatever view has placed its nodes.

import { inSight } from "view/motion";
import { KINDS } from "view/network";
import { DASHES } from "view/palettes";

const SHAPES = ["circle", "square", "triangle", "diamond", "cross", "star"];
const GROUND_SIZE = 4.5;
const WIDTHS = [1.6, 3, 4.5, 6, 8]; // of links that carry up to a fifth of what they could, two fifths, ...
const MANY = 1500; // links, which are then drawn thinner

/** How large satellites are drawn: px from the centre. */
export function sizeOf(count) {
  return count > 3000 ? 1.7 : count > 800 ? 2.1 : count > 150 ? 3 : 4;
}

/**
 * scene: {sky, r, t_s, state, palette, sprites, hiddenLayers, hiddenKinds, chosen, hovered, link, there, back, followed,
 * shareOf}. r: positions; state: of each link; chosen, hovered and link: numbers or -1; there, back: nodes of ways or
 * null; followed: where a life is (lives.js) or null; shareOf(link): what it carries of what it could, or null: links
 * are not drawn by that.
 */
export function draw(context, view, scene) {
  context.save();
  if (view.frame) {
    context.beginPath();
    context.rect(...view.frame);
    context.clip();
  }
  drawTracks(context, view, scene);
  drawLinks(context, view, scene);
  drawWays(context, view, scene);
  if (scene.followed) drawFollowed(context, view, scene);
  drawSatellites(context, view, scene);
  drawGround(context, view, scene);
  drawChoice(context, view, scene);
  context.restore();
  drawNames(context, view, scene);
}

export function isShown(scene, node) {
  return !scene.hiddenLayers.has(scene.sky.nodes[node].layer);
}

function drawLinks(context, view, scene) {
  const { sky, state, palette, r } = scene;
  const paths = Object.fromEntries(
    [...KINDS, "silent", "lost", "chosen"].map((name) => [name, new Path2D()]),
  );
  const carrying = scene.shareOf ? WIDTHS.map(() => new Path2D()) : [];
  for (let link = 0; link < sky.links; link++) {
    if (!state[link]) continue;
    const a = sky.link_a[link],
      b = sky.link_b[link];
    if (!isShown(scene, a) || !isShown(scene, b)) continue;
    const kind = KINDS[sky.link_kind[link]];
    if (scene.hiddenKinds.has(kind)) continue;
    if (state[link] === 3 && !inSight(r, a, b)) continue;
    const name = state[link] === 1 ? kind : state[link] === 2 ? "silent" : "lost";
    view.line(paths[name], a, b);
    if (scene.shareOf) {
      const share = scene.shareOf(link);
      if (share > 0) view.line(carrying[Math.ceil(share * WIDTHS.length) - 1], a, b);
    }
    if (link === scene.link) view.line(paths.chosen, a, b);
    if (state[link] === 1 && (a === scene.chosen || b === scene.chosen)) view.line(paths.chosen, a, b);
  }
  const many = sky.links > MANY;
  const wide = many ? 0.8 : 1.1;
  context.globalAlpha = scene.there || scene.back || scene.followed || scene.shareOf ? 0.45 : many ? 0.65 : 1;
  const strokes = {
    isl: [palette.links.isl, wide],
    access: [palette.links.access, wide + 0.3],
    fibre: [palette.links.fibre, 1.6],
    silent: [palette.broken, 1.8],
    lost: [palette.broken, 1.8],
    chosen: [palette.chosen, 1.8],
  };
  for (const [name, [colour, width]] of Object.entries(strokes)) {
    if (name === "silent") context.globalAlpha = 1;
    stroke(context, paths[name], colour, width * (view.across ?? 1), DASHES[name]);
  }
  carrying.forEach((path, n) => {
    stroke(context, path, palette.casing, WIDTHS[n] + 2);
    stroke(context, path, palette.load, WIDTHS[n]);
  });
}

function stroke(context, path, colour, width, dash = []) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.stroke(path);
  context.setLineDash([]);
}

/** Where nodes that move over the ground go. */
function drawTracks(context, view, { sky, palette }) {
  if (!view.trackPoint) return;
  const path = new Path2D();
  for (let n = 0; n + 1 < sky.ground.length; n++) {
    let before = null;
    for (let row = sky.ground[n]; row < sky.ground[n + 1] && sky.ground[n + 1] - sky.ground[n] > 1; row++) {
      const point = view.trackPoint(...sky.ground_km.subarray(3 * row, 3 * row + 3));
      if (point && before && Math.abs(point[0] - before[0]) < view.width / 2) {
        path.moveTo(...before);
        path.lineTo(...point);
      }
      before = point;
    }
  }
  stroke(context, path, palette.quiet, 1.2, [1, 3]);
}

/** The ways that some of what is followed is crossing. */
function drawFollowed(context, view, { followed, palette }) {
  for (const way of followed.ways) {
    const whole = new Path2D(),
      front = new Path2D();
    for (let k = 1; k < way.length; k++) {
      view.line(whole, way[k - 1], way[k], true);
      view.line(front, way[k - 1], way[k]);
    }
    stroke(context, whole, palette.chosen, 1.2, [1, 4]);
    stroke(context, front, palette.casing, 6);
    stroke(context, front, palette.chosen, 3);
  }
}

/** The chosen way there; that back is dashed where it is another. What is behind the Earth is dotted. */
function drawWays(context, view, { there, back, palette }) {
  const back_ = back && there && back.slice().reverse().join() !== there.join() ? back : null;
  for (const [way, dash] of [
    [back_, [6, 5]],
    [there, []],
  ]) {
    if (!way) continue;
    const whole = new Path2D(),
      front = new Path2D();
    for (let k = 1; k < way.length; k++) {
      view.line(whole, way[k - 1], way[k], true);
      view.line(front, way[k - 1], way[k]);
    }
    stroke(context, whole, palette.path, 1.2, [1, 4]);
    stroke(context, front, palette.casing, 6);
    stroke(context, front, palette.path, 2.6, dash);
  }
}

/** At whole pixels: a picture that need not be blended between them is drawn several times as fast. */
function drawSatellites(context, view, scene) {
  const { sky, sprites } = scene;
  const ratio = context.getTransform().a,
    side = sprites.side / ratio;
  for (let n = 0; n < sky.satellites; n++) {
    if (view.hidden[n] || scene.t_s >= sky.ends_s[n] || !isShown(scene, n)) continue;
    const x = Math.round((view.x[n] - sprites.half) * ratio) / ratio;
    const y = Math.round((view.y[n] - sprites.half) * ratio) / ratio;
    context.drawImage(sprites.of(sky.nodes[n].layer), x, y, side, side);
  }
}

function drawGround(context, view, scene) {
  const { sky, palette } = scene;
  if (scene.hiddenLayers.has(-1)) return;
  context.lineWidth = 1.5;
  for (let n = sky.satellites; n < sky.nodes.length; n++) {
    if (view.hidden[n]) continue;
    const moves = sky.ground[n - sky.satellites + 1] - sky.ground[n - sky.satellites] > 1;
    context.beginPath();
    shape(context, moves ? "diamond" : "square", view.x[n], view.y[n], GROUND_SIZE);
    context.fillStyle = palette.casing;
    context.strokeStyle = palette.ground;
    context.fill();
    context.stroke();
  }
}

/** Rings around what is chosen; around nodes that have some of what is followed, a second one where they work on it. */
function drawChoice(context, view, scene) {
  const { palette } = scene;
  const ring = (n, radius, width, dash = []) => {
    if (view.hidden[n]) return;
    context.beginPath();
    context.arc(view.x[n], view.y[n], radius, 0, 2 * Math.PI);
    context.strokeStyle = palette.chosen;
    context.lineWidth = width;
    context.setLineDash(dash);
    context.stroke();
    context.setLineDash([]);
  };
  for (const n of scene.followed?.passed ?? []) ring(n, 7, 1, [2, 2]);
  for (const n of scene.followed?.held ?? []) ring(n, 9, 2.4);
  for (const n of scene.followed?.busy ?? []) ring(n, 13, 2.4);
  for (const n of [scene.chosen, scene.hovered]) {
    if (n < 0 || view.hidden[n]) continue;
    ring(n, 9, n === scene.chosen ? 2.2 : 1.2);
  }
}

/** What is asked about first, then the ground; a name that would cover another is left out. */
function drawNames(context, view, scene) {
  const { sky, palette } = scene;
  const ground = scene.hiddenLayers.has(-1)
    ? []
    : Array.from({ length: sky.nodes.length - sky.satellites }, (_, n) => n + sky.satellites);
  const wanted = new Set([
    scene.chosen,
    scene.hovered,
    ...(scene.there ?? []),
    ...(scene.back ?? []),
    ...(scene.followed
      ? [...scene.followed.held, ...scene.followed.ways.flat(), ...scene.followed.passed]
      : []),
    ...(scene.link >= 0 ? [sky.link_a[scene.link], sky.link_b[scene.link]] : []),
    ...ground,
  ]);
  const boxes = [];
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  for (const n of wanted) {
    if (n < 0 || view.hidden[n]) continue;
    context.font = palette.font(12, n === scene.chosen ? 700 : 500);
    const name = sky.nodes[n].label;
    const width = context.measureText(name).width;
    const x = view.x[n] + width + 12 > view.width ? view.x[n] - width - 9 : view.x[n] + 9;
    const box = [x, view.y[n] - 8, x + width, view.y[n] + 8];
    if (
      boxes.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])
    )
      continue;
    boxes.push(box);
    context.strokeStyle = palette.halo;
    context.lineWidth = 3.5;
    context.strokeText(name, x, view.y[n]);
    context.fillStyle = n === scene.chosen ? palette.chosen : palette.ink;
    context.fillText(name, x, view.y[n]);
  }
}

/** Small pictures of satellites, one a layer, drawn once. */
export class Sprites {
  constructor(palette, size, ratio) {
    this.half = size + 1.5;
    this.side = Math.ceil(2 * this.half * ratio); // pixels of the screen
    this.pictures = SHAPES.map((name, number) => {
      const canvas = new OffscreenCanvas(this.side, this.side);
      const context = canvas.getContext("2d");
      context.scale(ratio, ratio);
      context.beginPath();
      shape(context, name, this.half, this.half, size);
      context.fillStyle = palette.layers[number];
      context.fill();
      if (size > 2.5) {
        context.strokeStyle = palette.casing;
        context.lineWidth = 1;
        context.stroke();
      }
      return canvas.transferToImageBitmap(); // which is drawn quicker than a canvas
    });
  }

  of(layer) {
    return this.pictures[layer % this.pictures.length];
  }
}

export function shape(context, name, x, y, size) {
  const points = (list) =>
    list.forEach(([dx, dy], n) =>
      n ? context.lineTo(x + dx * size, y + dy * size) : context.moveTo(x + dx * size, y + dy * size),
    );
  if (name === "circle") context.arc(x, y, size, 0, 2 * Math.PI);
  else if (name === "square") context.rect(x - size * 0.88, y - size * 0.88, size * 1.76, size * 1.76);
  else if (name === "triangle")
    points([
      [0, -1.15],
      [1.1, 0.85],
      [-1.1, 0.85],
    ]);
  else if (name === "diamond")
    points([
      [0, -1.3],
      [1.3, 0],
      [0, 1.3],
      [-1.3, 0],
    ]);
  else if (name === "cross")
    points([
      [-0.4, -1.2],
      [0.4, -1.2],
      [0.4, -0.4],
      [1.2, -0.4],
      [1.2, 0.4],
      [0.4, 0.4],
      [0.4, 1.2],
      [-0.4, 1.2],
      [-0.4, 0.4],
      [-1.2, 0.4],
      [-1.2, -0.4],
      [-0.4, -0.4],
    ]);
  else
    points(
      Array.from({ length: 10 }, (_, n) => {
        const far = n % 2 ? 0.6 : 1.4,
          angle = (n * Math.PI) / 5 - Math.PI / 2;
        return [far * Math.cos(angle), far * Math.sin(angle)];
      }),
    );
  context.closePath();
}

// Below the picture: series of values over time, one below the other; and the line of a life, node by node.

const LEFT = 110,
  RIGHT = 10,
  TOP = 6,
  BOTTOM = 18; // px
const LABELLED = 12; // rows of a life that have room for a name

/** Where a run time is in such a plot, and what time a place is. */
export function scale(canvas, { begin_s, end_s }) {
  const wide = canvas.clientWidth - LEFT - RIGHT;
  return {
    x: (t_s) => LEFT + ((t_s - begin_s) / (end_s - begin_s)) * wide,
    t_s: (px) => begin_s + Math.max(0, Math.min(1, (px - LEFT) / wide)) * (end_s - begin_s),
  };
}

function prepared(canvas) {
  const ratio = devicePixelRatio,
    [width, height] = [canvas.clientWidth, canvas.clientHeight];
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return { context, width, height };
}

/** times: {begin_s, end_s, t_s}; series: {label, most, t_s, values, stepped}, see amounts.js. */
export function plots(canvas, palette, times, series) {
  const { context, width, height } = prepared(canvas);
  const { x } = scale(canvas, times);
  const high = (height - TOP - BOTTOM) / series.length;
  series.forEach((one, n) => plot(context, palette, one, x, TOP + n * high, high - 5, width));
  timeAxis(context, palette, times, x, width, height);
  cursor(context, palette, x(times.t_s), height);
}

function plot(context, palette, { label, most, t_s, values, stepped }, x, top, high, width) {
  const known = Array.from(values).filter(Number.isFinite);
  const full = most ?? (1.05 * known.reduce((a, b) => Math.max(a, b), 0) || 1);
  const y = (value) => top + high - Math.min(1, value / full) * high;
  context.strokeStyle = palette.graticule;
  context.lineWidth = 1;
  context.strokeRect(LEFT, top, width - LEFT - RIGHT, high);
  context.fillStyle = palette.quiet;
  context.font = palette.font(11);
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(label, LEFT - 6, top + high / 2 - 6, LEFT - 10);
  context.fillText(`0 – ${+full.toPrecision(3)}`, LEFT - 6, top + high / 2 + 7);
  const line = new Path2D();
  let before = NaN;
  for (let n = 0; n < t_s.length; n++) {
    if (Number.isFinite(values[n])) {
      if (!Number.isFinite(before)) line.moveTo(x(t_s[n]), y(values[n]));
      else if (stepped) line.lineTo(x(t_s[n]), y(before));
      line.lineTo(x(t_s[n]), y(values[n]));
    }
    before = values[n];
  }
  context.save();
  context.beginPath();
  context.rect(LEFT, top - 2, width - LEFT - RIGHT, high + 4);
  context.clip();
  context.strokeStyle = palette.measured;
  context.lineWidth = 1.6;
  context.stroke(line);
  context.restore();
}

/**
 * The line of a life. rows: names of nodes, as it came to them; bars: {row, to, begin_s, began_s, end_s, busy}: in
 * which row something waited and then was done or sent, and the row that it was sent to, or -1.
 */
export function lifeLine(canvas, palette, times, rows, bars) {
  const { context, width, height } = prepared(canvas);
  const { x } = scale(canvas, times);
  const high = (height - TOP - BOTTOM) / rows.length;
  const y = (row) => TOP + (row + 0.5) * high;
  context.font = palette.font(Math.min(11, high + 2));
  context.textAlign = "right";
  context.textBaseline = "middle";
  const each = Math.ceil(rows.length / LABELLED);
  rows.forEach((name, row) => {
    context.fillStyle = palette.quiet;
    if (row % each === 0) context.fillText(name, LEFT - 6, y(row), LEFT - 10);
    context.strokeStyle = palette.graticule;
    context.lineWidth = 1;
    path(context, [LEFT, y(row)], [width - RIGHT, y(row)]);
  });
  const thick = Math.min(9, 0.6 * high);
  for (const { row, to, begin_s, began_s, end_s, busy } of bars) {
    if (row < 0) continue;
    context.strokeStyle = palette.quiet;
    context.lineWidth = Math.max(1.5, thick / 3);
    context.setLineDash([2, 2]);
    path(context, [x(begin_s), y(row)], [x(began_s < end_s ? began_s : end_s), y(row)]);
    context.setLineDash([]);
    if (!(began_s <= end_s)) continue;
    context.strokeStyle = busy ? palette.layers[1] : palette.measured;
    context.lineWidth = busy ? thick : 2.2;
    const wide = Math.max(x(end_s), x(began_s) + 1.5);
    path(context, [x(began_s), y(row)], [wide, y(to < 0 ? row : to)]);
  }
  timeAxis(context, palette, times, x, width, height);
  cursor(context, palette, x(times.t_s), height);
}

function path(context, from, to) {
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

function timeAxis(context, palette, { begin_s, end_s }, x, width, height) {
  context.font = palette.font(11);
  context.fillStyle = palette.quiet;
  context.textBaseline = "middle";
  for (let k = 0; k <= 4; k++) {
    const t_s = begin_s + ((end_s - begin_s) * k) / 4;
    context.textAlign = k === 0 ? "left" : k === 4 ? "right" : "center";
    context.fillText(`${+t_s.toFixed(end_s - begin_s < 20 ? 2 : 0)} s`, x(t_s), height - 7);
  }
}

function cursor(context, palette, px, height) {
  if (px < LEFT - 1) return;
  context.strokeStyle = palette.chosen;
  context.lineWidth = 1.5;
  path(context, [px, 2], [px, height - BOTTOM + 3]);
}

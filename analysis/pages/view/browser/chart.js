// The round trip between two nodes over the whole plan, what was measured of it, and the instant that is shown.

const LEFT = 46,
  RIGHT = 10,
  TOP = 8,
  BOTTOM = 18; // px
const MARKED = 150; // changes of the way; more would cover what is drawn

/**
 * curve: {t_s, rtt_ms, changes}, see ways.js; measured: null, or the bins of a run, see measured.js.
 */
export function chart(canvas, palette, { duration_s, t_s, curve, measured }) {
  const ratio = devicePixelRatio,
    [width, height] = [canvas.clientWidth, canvas.clientHeight];
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const values = [
    ...curve.rtt_ms,
    ...(measured ? [...measured.least_ms, ...measured.greatest_ms] : []),
  ].filter(Number.isFinite);
  if (!values.length) return;
  const least = values.reduce((a, b) => Math.min(a, b)),
    most = values.reduce((a, b) => Math.max(a, b));
  const pad = Math.max(0.05 * (most - least), 0.1),
    low = least - pad,
    high = most + pad;
  const x = (t) => LEFT + (t / duration_s) * (width - LEFT - RIGHT);
  const y = (ms) => TOP + ((high - ms) / (high - low)) * (height - TOP - BOTTOM);
  axes(context, palette, { x, y, low, high, width, height, duration_s });
  context.lineWidth = 1;
  context.strokeStyle = palette.graticule;
  for (const at of curve.changes.length > MARKED ? [] : curve.changes) {
    context.beginPath();
    context.moveTo(x(at), TOP);
    context.lineTo(x(at), height - BOTTOM);
    context.stroke();
  }
  gaps(context, palette, curve, x, height, duration_s);
  if (measured) dots(context, palette, measured, x, y, height);
  const truth = measured ? { t_s: measured.t_s, rtt_ms: measured.true_ms } : curve;
  line(context, truth, x, y, measured ? palette.truth : palette.path);
  context.strokeStyle = palette.chosen;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(x(t_s), 2);
  context.lineTo(x(t_s), height - BOTTOM + 3);
  context.stroke();
}

/** The run time at a place in the chart. */
export function timeAt(canvas, px, duration_s) {
  const share = (px - LEFT) / (canvas.clientWidth - LEFT - RIGHT);
  return Math.max(0, Math.min(1, share)) * duration_s;
}

function axes(context, palette, { x, y, low, high, width, height, duration_s }) {
  context.font = palette.font(11);
  context.fillStyle = palette.quiet;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const digits = high - low < 2 ? 2 : high - low < 20 ? 1 : 0;
  for (const ms of [low + 0.1 * (high - low), (low + high) / 2, high - 0.1 * (high - low)]) {
    context.fillText(ms.toFixed(digits), LEFT - 6, y(ms));
  }
  context.textAlign = "center";
  for (let k = 0; k <= 4; k++) {
    const at = (duration_s * k) / 4;
    context.textAlign = k === 0 ? "left" : k === 4 ? "right" : "center";
    context.fillText(`${+at.toPrecision(4)} s`, x(at), height - 7);
  }
  context.strokeStyle = palette.graticule;
  context.strokeRect(LEFT, TOP, width - LEFT - RIGHT, height - TOP - BOTTOM);
}

function line(context, { t_s, rtt_ms }, x, y, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1.3;
  context.beginPath();
  let drawn = false;
  for (let k = 0; k < t_s.length; k++) {
    const there = Number.isFinite(rtt_ms[k]);
    if (there && drawn) context.lineTo(x(t_s[k]), y(rtt_ms[k]));
    else if (there) context.moveTo(x(t_s[k]), y(rtt_ms[k]));
    drawn = there;
  }
  context.stroke();
}

/** Where there is no way: a bar at the foot. */
function gaps(context, palette, { t_s, rtt_ms }, x, height, duration_s) {
  context.fillStyle = palette.broken;
  for (let k = 0; k < t_s.length; k++) {
    if (!Number.isFinite(rtt_ms[k])) {
      const until = t_s[k + 1] ?? duration_s;
      context.fillRect(x(t_s[k]), height - BOTTOM - 4, Math.max(1, x(until) - x(t_s[k])), 4);
    }
  }
}

/** Of each bin from the least to the greatest; lost probes are ticks at the foot. */
function dots(context, palette, bins, x, y, height) {
  context.fillStyle = palette.measured;
  for (let k = 0; k < bins.t_s.length; k++) {
    const [top, bottom] = [y(bins.greatest_ms[k]), y(bins.least_ms[k])];
    if (Number.isFinite(top)) context.fillRect(x(bins.t_s[k]) - 1, top - 1, 2, bottom - top + 2);
  }
  context.fillStyle = palette.broken;
  for (let k = 0; k < bins.t_s.length; k++) {
    if (bins.lost[k]) context.fillRect(x(bins.t_s[k]) - 0.5, height - BOTTOM - 5, 1.5, 5);
  }
}

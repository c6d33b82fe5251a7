// Who is linked with whom, by layer, plane and slot; the ground below. It stands still: only links come and go.

const MARGIN = 28,
  LEFT = 185,
  GROUND = 46,
  GAP = 24,
  WIDEST = 90; // px
const STUB = 0.42; // of a step
const LEAST = 0.1; // of the room, for a layer

export class Planes {
  constructor(sky) {
    this.sky = sky;
    this.x = new Float32Array(sky.nodes.length);
    this.y = new Float32Array(sky.nodes.length);
    this.hidden = new Uint8Array(sky.nodes.length);
    this.blocks = sky.layers.map((layer, number) => block(sky, layer, number));
    this.stationed = sky.nodes.filter((node) => node.layer < 0);
    Object.assign(this, { zoom: 1, left: 0, top: 0, across: sky.links > 1500 ? 0.5 : 1 });
  }

  resize(width, height) {
    Object.assign(this, { width, height });
    const total = this.blocks.reduce((sum, each) => sum + each.planes, 0);
    const parts = this.blocks.map((each) => Math.max(each.planes, LEAST * total));
    const room =
      (width - LEFT - MARGIN - GAP * this.blocks.length) / parts.reduce((sum, part) => sum + part, 0);
    let left = LEFT;
    this.blocks.forEach((each, n) => {
      each.step = Math.min(WIDEST, (room * parts[n]) / each.planes);
      each.middle = left + (room * parts[n]) / 2;
      left += room * parts[n] + GAP;
    });
    const rows = Math.ceil(this.stationed.length / this.perRow);
    this.groundTop = height - MARGIN - rows * GROUND;
  }

  get perRow() {
    return Math.max(1, Math.floor((this.width - LEFT - MARGIN) / 84));
  }

  place() {
    const bottom = this.groundTop - 30,
      top = MARGIN + 26;
    for (const each of this.blocks) {
      each.high = (bottom - top) / Math.max(1, each.slots);
      for (const { node, plane, slot } of each.members) {
        this.put(
          node,
          each.middle + (plane + 0.5 - each.planes / 2) * each.step,
          bottom - (slot + 0.5) * each.high,
        );
      }
    }
    const perRow = Math.min(this.perRow, this.stationed.length);
    this.stationed.forEach(({ number }, n) => {
      const x = LEFT + ((n % perRow) + 0.5) * ((this.width - LEFT - MARGIN) / perRow);
      this.put(number, x, this.groundTop + (Math.floor(n / perRow) + 0.4) * GROUND);
    });
  }

  put(node, x, y) {
    this.x[node] = (x - this.left) * this.zoom;
    this.y[node] = (y - this.top) * this.zoom;
  }

  /** Links that go round a layer leave it to one side and come back from the other. */
  line(path, a, b) {
    const { nodes } = this.sky,
      [one, other] = [nodes[a], nodes[b]];
    const each = one.layer === other.layer && one.layer >= 0 ? this.blocks[one.layer] : null;
    const acrossPlanes = each ? round(other.plane - one.plane, each.planes) : 0;
    const acrossSlots = each ? round(other.slot - one.slot, each.slots) : 0;
    if (!acrossPlanes && !acrossSlots) {
      const [middle, below] = [(this.x[a] + this.x[b]) / 2, (this.y[a] + this.y[b]) / 2 + this.sag(a, b)];
      path.moveTo(this.x[a], this.y[a]);
      path.quadraticCurveTo(middle, below, this.x[b], this.y[b]);
      return;
    }
    for (const [node, sign] of [
      [a, 1],
      [b, -1],
    ]) {
      const dx = acrossPlanes * sign * STUB * each.step * this.zoom;
      const dy = -acrossSlots * sign * STUB * each.high * this.zoom;
      path.moveTo(this.x[node], this.y[node]);
      path.lineTo(this.x[node] + dx, this.y[node] + dy);
    }
  }

  /** Lines between two on the ground hang down: in one row they would cover others. */
  sag(a, b) {
    const both = this.sky.nodes[a].layer < 0 && this.sky.nodes[b].layer < 0;
    return both ? 0.18 * Math.abs(this.x[b] - this.x[a]) : 0;
  }

  backdrop(context, palette) {
    context.fillStyle = palette.quiet;
    context.font = palette.font(12);
    context.textAlign = "center";
    for (const each of this.blocks) {
      context.fillText(
        `${each.name} · ${each.planes} × ${each.slots}`,
        (each.middle - this.left) * this.zoom,
        (MARGIN + 8 - this.top) * this.zoom,
      );
    }
  }

  drag(dx, dy) {
    this.left -= dx / this.zoom;
    this.top -= dy / this.zoom;
  }

  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const zoom = Math.max(0.5, Math.min(20, this.zoom * factor));
    this.left += x / this.zoom - x / zoom;
    this.top += y / this.zoom - y / zoom;
    this.zoom = zoom;
  }

  centre() {}
}

function block(sky, { name }, number) {
  const members = sky.nodes
    .filter((node) => node.layer === number)
    .map((node) => ({ node: node.number, plane: Math.max(0, node.plane), slot: Math.max(0, node.slot) }));
  const planes = 1 + members.reduce((most, { plane }) => Math.max(most, plane), 0);
  const slots = 1 + members.reduce((most, { slot }) => Math.max(most, slot), 0);
  return { name, members, planes, slots };
}

/** -1, 0 or 1: whether a step among `count` is shorter the other way round, and which way it goes. */
function round(step, count) {
  return count > 2 && Math.abs(step) > count / 2 ? -Math.sign(step) : 0;
}

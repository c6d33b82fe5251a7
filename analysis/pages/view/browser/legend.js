// What shapes, colours and dashes mean; and what of it is shown.

import { knowsLoad } from "view/amounts";
import { $, make } from "view/dom";
import { shape, Sprites } from "view/drawing";
import { KINDS } from "view/network";
import { DASHES } from "view/palettes";
import { say } from "view/words";

export function legend(page) {
  const { sky, palette } = page;
  const rows = [
    ...sky.layers.map((layer, n) => [n, layer.name]),
    ...(sky.nodes.length > sky.satellites ? [[-1, say("ground")]] : []),
  ];
  const toggle = (set, key, picture, text) =>
    make(
      "label",
      make("input", {
        type: "checkbox",
        onchange: () => {
          if (!set.delete(key)) set.add(key);
          page.touch("sky");
        },
        ...(set.has(key) ? {} : { checked: "" }),
      }),
      picture,
      text,
    );
  const kinds = KINDS.filter((_, k) => sky.link_kind.includes(k));
  $("legend-rows").replaceChildren(
    ...rows.map(([layer, name]) => toggle(page.hiddenLayers, layer, mark(palette, layer), name)),
    ...kinds.map((kind) =>
      toggle(page.hiddenKinds, kind, stripe(palette.links[kind], DASHES[kind]), say(kind)),
    ),
    ...(sky.lost_link.length
      ? [make("span.still", stripe(palette.broken, DASHES.silent), say("fault"))]
      : []),
    ...(knowsLoad(sky, page.live) ? [loadRow(page)] : []),
    make(
      "label",
      make("input", {
        type: "checkbox",
        onchange: () => {
          page.shaded = !page.shaded;
          page.touch("back");
        },
        ...(page.shaded ? { checked: "" } : {}),
      }),
      make("span.moon", "☾"),
      say("night"),
    ),
  );
}

/** Whether links are as wide as what they carry. */
function loadRow(page) {
  const toggle = make("input", {
    id: "weighted",
    type: "checkbox",
    onchange: () => page.weigh(toggle.checked),
    ...(page.weighted ? { checked: "" } : {}),
  });
  return make("label", toggle, stripe(page.palette.load, []), say("load_as_width"));
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

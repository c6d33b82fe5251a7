// Night, as a small picture that is drawn larger: soft at the edge, where it is twilight.

const TWILIGHT = 0.16; // of the height of the Sun, as a sine: it fades over some 10 deg on either side

/** A canvas of width x height, dark where height_of(column, row), the sine of the Sun's, says so; NaN: nothing. */
export function night(width, height, heightOf, [red, green, blue], most) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at += 4) {
      const sine = heightOf(column, row);
      if (Number.isNaN(sine)) continue;
      const s = Math.max(0, Math.min(1, (TWILIGHT - sine) / (2 * TWILIGHT)));
      picture.data[at] = red;
      picture.data[at + 1] = green;
      picture.data[at + 2] = blue;
      picture.data[at + 3] = 255 * most * s * s * (3 - 2 * s);
    }
  }
  context.putImageData(picture, 0, 0);
  return canvas;
}

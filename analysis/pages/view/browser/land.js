// world-atlas 2.0.2, land-110m.json beside this folder: ISC, see land-110m.LICENSE.

// The outlines of land, of world-atlas (Natural Earth, 1:110 million), as rings of points.

const DEG = Math.PI / 180;

/** Rings of {lon, lat (rad), xyz (unit vectors)}; inside is to the right of a ring's direction. */
export function rings(topology) {
  const arcs = topology.arcs.map((arc) => decoded(arc, topology.transform));
  const polygons = topology.objects.land.geometries.flatMap((geometry) =>
    geometry.type === "MultiPolygon" ? geometry.arcs : [geometry.arcs],
  );
  return polygons.flat().map((ring) => joined(ring, arcs));
}

/** Points are told as differences, in steps of the transform. */
function decoded(arc, { scale, translate }) {
  let x = 0,
    y = 0;
  return arc.map(([dx, dy]) => {
    x += dx;
    y += dy;
    return [(x * scale[0] + translate[0]) * DEG, (y * scale[1] + translate[1]) * DEG];
  });
}

/** A negative number is that of an arc from its end; the first point of each next arc is there already. */
function joined(ring, arcs) {
  const points = [];
  for (const number of ring) {
    const arc = number < 0 ? [...arcs[~number]].reverse() : arcs[number];
    points.push(...(points.length ? arc.slice(1) : arc));
  }
  const lon = Float64Array.from(points, (p) => p[0]),
    lat = Float64Array.from(points, (p) => p[1]);
  const xyz = new Float64Array(3 * points.length);
  for (let n = 0; n < points.length; n++) {
    xyz[3 * n] = Math.cos(lat[n]) * Math.cos(lon[n]);
    xyz[3 * n + 1] = Math.cos(lat[n]) * Math.sin(lon[n]);
    xyz[3 * n + 2] = Math.sin(lat[n]);
  }
  return { lon, lat, xyz };
}

// Two sets of colours, a dark sky and a light page; print takes the light one. Hues are Okabe and Ito's, which the
// colour-blind can tell apart; what must be told apart differs in its form too.

const font = (size, weight = 400) =>
  `${weight} ${size}px system-ui, "Segoe UI", Roboto, "Noto Sans CJK SC", "DejaVu Sans", sans-serif`;

export const DARK = {
  space: "#060a13",
  ocean: "#10233d",
  land: "#2b3f52",
  coast: "#5d7a94",
  limb: "#4a6a8c",
  glow: "rgba(90,160,230,.28)",
  graticule: "rgba(160,190,220,.13)",
  night: [2, 5, 13],
  nightMost: 0.5,
  stars: true,
  ink: "#eef3f8",
  quiet: "#9fb0c3",
  halo: "rgba(6,10,19,.85)",
  links: { isl: "rgba(126,178,226,.5)", access: "#f0b13a", fibre: "#35c29a" },
  broken: "#ff7a3c",
  path: "#ffffff",
  casing: "rgba(6,10,19,.75)",
  ground: "#ffffff",
  chosen: "#ffe14d",
  load: "#b78cf2",
  layers: ["#7cc7f2", "#f0e442", "#e29bc4", "#4fd0a5", "#f4a261", "#c9d3dd"],
  measured: "#56b4e9",
  truth: "#eef3f8",
  font,
};

export const LIGHT = {
  space: "#ffffff",
  ocean: "#e8f0f7",
  land: "#d5d9cc",
  coast: "#98a191",
  limb: "#8ba0b4",
  glow: null,
  graticule: "rgba(60,90,120,.16)",
  night: [30, 50, 90],
  nightMost: 0.26,
  stars: false,
  ink: "#1f2328",
  quiet: "#5d6670",
  halo: "rgba(255,255,255,.88)",
  links: { isl: "rgba(0,84,150,.42)", access: "#b86e00", fibre: "#00795a" },
  broken: "#c74600",
  path: "#111111",
  casing: "rgba(255,255,255,.85)",
  ground: "#1f2328",
  chosen: "#c2185b",
  load: "#6a3d9a",
  layers: ["#0072b2", "#8a7a00", "#a8497e", "#00795a", "#b8590c", "#5d6670"],
  measured: "#0072b2",
  truth: "#222222",
  font,
};

/** Dashes of the kinds of links, and of those that are silent or lost. */
export const DASHES = { isl: [], access: [], fibre: [2, 4], silent: [7, 4], lost: [2, 6] };

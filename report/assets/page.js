// Draws the charts of the report from the neutral model in #data. Nothing here computes a result.
(() => {
"use strict";
let charts = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const font = size => size + "px system-ui, -apple-system, 'Segoe UI', Roboto, Inter, sans-serif";
const css = name => getComputedStyle(root).getPropertyValue("--" + name).trim();
const faded = (name, alpha) => css(name) + Math.round(alpha * 255).toString(16).padStart(2, "0");

// How the numbers of each unit are written; the words are those of the Go side.
const trim = (v, digits) => String(+v.toFixed(digits));
const count = v => (Math.abs(v) < 99.95 && Math.abs(v - Math.round(v)) > 0.04 ? v.toFixed(1) : Math.round(v).toLocaleString("en"));
const latency = v => v >= 9950 ? trim(v / 1000, 0) + " s" : v >= 999.5 ? (v / 1000).toFixed(1) + " s" : v >= 9.95 ? trim(v, 0) + " ms" : v >= 0.1 ? v.toFixed(1) + " ms" : trim(v * 1000, 0) + " µs";
const tick = v => v >= 1000 ? trim(v / 1000, 3) + " s" : v < 0.1 ? trim(v * 1000, 3) + " µs" : trim(v, 3) + " ms";
const percentile = v => v <= 1 ? "0" : trim(100 - 100 / v, 4);
const value = { rate: v => count(v) + "/s", ms: latency, s: v => count(v) + " s", percent: v => count(v) + " %", percentile: v => "p" + percentile(v) };
const label = { rate: count, ms: tick, s: count, percent: v => v > 100 ? "" : count(v) + " %", percentile };
const written = (unit, v) => v == null ? "–" : value[unit](v);

// Numbers of an even axis, with as many digits as its steps have.
function even(vs) {
  const gap = vs.length > 1 ? vs[1] - vs[0] : 1;
  const digits = [0, 1, 2].find(d => Math.abs(gap * 10 ** d - Math.round(gap * 10 ** d)) < 1e-6) ?? 3;
  return v => v.toLocaleString("en", { maximumFractionDigits: digits });
}

// 1-2-5 ticks of a log axis, each with so much room; only the decades where there is not enough.
function ticks125(min, max, room, each) {
  const all = [];
  for (let e = Math.floor(Math.log10(min)); e <= Math.log10(max) + 1e-9; e++)
    for (const m of [1, 2, 5]) {
      const v = +(m * 10 ** e).toPrecision(6);
      if (v >= min * 0.9999 && v <= max * 1.0001) all.push(v);
    }
  return all.length * each <= room ? all : all.filter(v => Math.abs(Math.log10(v) % 1) < 1e-9);
}

function widest(ctx, words) {
  ctx.font = font(12);
  return Math.max(0, ...words.map(w => ctx.measureText(w).width));
}

function axisOf(a, side, narrow) {
  const axis = {
    stroke: () => css("mute"), grid: { stroke: () => css("grid"), width: 1 }, ticks: { stroke: () => css("line"), width: 1, size: 4 },
    font: font(12), labelFont: font(12), labelSize: 18, labelGap: 0, label: a.label || undefined,
    size: side === "y" ? (u, words) => Math.max(narrow ? 54 : 62, 10 + widest(u.ctx, words || [])) : 28, values: (u, vs) => { const word = !a.log && (a.unit === "s" || a.unit === "rate") ? even(vs) : label[a.unit]; return vs.map(v => v == null ? "" : a.names ? a.names[v - 1] || "" : word(v)); },
  };
  if (side === "x") axis.grid.show = false;
  if (a.log) {
    axis.filter = (u, s) => s;
    axis.splits = u => a.unit === "percentile"
      ? [1, 2, 10, 100, 1e3, 1e4, 1e5].filter(v => v <= a.max && !(narrow && v === 2))
      : side === "y" ? ticks125(a.min, a.max, u.height - 70, 17) : ticks125(a.min, a.max, u.width - 74, 52);
  }
  return axis;
}

// At full range an axis has the bounds of the model; zoomed in, those of the selection.
function scaleOf(a, xs) {
  const first = xs && xs[0], last = xs && xs[xs.length - 1];
  return {
    time: false, distr: a.log ? 3 : 1,
    range: (u, lo, hi) => !xs || lo == null || lo <= first && hi >= last ? [a.min, a.max] : [lo, hi],
  };
}

// Rows of uPlot's data beside the x values: layers of a stack from the tallest down, edges of bands, then lines.
function rowsOf(c) {
  const rows = [], sum = c.xs.map(() => 0);
  const stack = c.series.filter(s => s.stack);
  for (const s of stack) {
    s.ys.forEach((y, i) => { sum[i] = y == null ? null : sum[i] + y; });
    rows.unshift({ series: s, ys: sum.slice(), area: true });
  }
  for (const b of c.bands || []) rows.push({ band: b, ys: b.hi }, { band: b, ys: b.lo });
  for (const s of c.series) if (!s.stack) rows.push({ series: s, ys: s.ys });
  if (c.heat) rows.push({ heat: c.heat, ys: c.xs.map(() => c.y.min) });
  return rows;
}

function seriesOf(c, row) {
  const paths = c.step ? uPlot.paths.stepped({ align: 1 }) : undefined;
  if (row.band) return { class: "ghost", stroke: "transparent", width: 0, points: { show: false } };
  if (row.heat) return { label: "here", stroke: "transparent", points: { show: false }, value: (u, v, si, i) => cellOf(u, row.heat, i) };
  const s = row.series, shown = (u, v, si, i) => written(c.y.unit, i == null ? null : s.ys[i]);
  if (row.area) return { label: s.label, paths, stroke: () => css(s.colour), width: 0, fill: () => faded(s.colour, 0.62), points: { show: false }, value: shown };
  return {
    label: s.label, paths, value: shown, spanGaps: !!s.span, stroke: () => css(s.colour), width: s.width, dash: s.dashed ? [5, 4] : undefined,
    points: { show: !!s.dots, size: 6.5, width: 1.5, fill: () => css("card") },
  };
}

function cellOf(u, h, i) {
  if (i == null || !h.cells[i]) return "–";
  const y = u.posToVal(u.cursor.top, "y"), row = h.edges.findIndex(e => e > y) - 1;
  return row < 0 ? "–" : latency(h.edges[row]) + " – " + latency(h.edges[row + 1]) + ": " + count(h.cells[i][row]) + " requests";
}

const bandsOf = rows => {
  const bands = [];
  rows.forEach((row, i) => {
    const next = rows[i + 1];
    if (row.area && next && next.area) bands.push({ series: [i + 1, i + 2] });
    if (row.band && next && next.band === row.band) bands.push({ series: [i + 1, i + 2], fill: () => faded(row.band.colour, 0.17) });
  });
  return bands;
};

// within runs f with the canvas clipped to the data.
function within(u, f) {
  const { ctx, bbox: b } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(b.left, b.top, b.width, b.height);
  ctx.clip();
  f(ctx, b, devicePixelRatio);
  ctx.restore();
}

function drawHeat(u, h) {
  const most = Math.sqrt(Math.max(1, ...h.cells.map(col => Math.max(...col))));
  const x = v => Math.floor(u.valToPos(v, "x", true)), y = v => Math.floor(u.valToPos(v, "y", true));
  const colour = css("heat");
  within(u, ctx => {
    ctx.fillStyle = colour;
    h.cells.forEach((col, i) => {
      const left = x(h.from + i * h.step), right = x(h.from + (i + 1) * h.step);
      col.forEach((n, row) => {
        if (!n) return;
        const top = y(h.edges[row + 1]);
        ctx.globalAlpha = 0.07 + 0.93 * Math.sqrt(n) / most;
        ctx.fillRect(left, top, right - left, y(h.edges[row]) - top);
      });
    });
  });
}

// The ground under the data: intervals of markers, and where a phase begins.
function drawGround(u, c) {
  within(u, (ctx, b, dpr) => {
    for (const m of c.markers || []) {
      if (m.on_y || !(m.hi > m.lo)) continue;
      const left = u.valToPos(m.lo, "x", true);
      ctx.fillStyle = faded(m.colour, 0.13);
      ctx.fillRect(left, b.top, u.valToPos(m.hi, "x", true) - left, b.height);
    }
    (c.phases || []).forEach((p, i) => {
      if (!i) return;
      const x = Math.round(u.valToPos(p.from, "x", true));
      ctx.fillStyle = faded("mute", 0.45);
      ctx.fillRect(x, b.top, dpr, b.height);
    });
  });
}

// Lines of markers and all words. A label that finds no free place is left out: its number stands in the tiles.
function drawMarkers(u, c) {
  within(u, (ctx, b, dpr) => {
    const taken = [], lines = (c.markers || []).filter(m => !m.on_y).map(m => u.valToPos(m.at, "x", true));
    ctx.font = "600 " + font(12 * dpr);
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    for (const m of c.markers || []) {
      const at = Math.round(u.valToPos(m.at, m.on_y ? "y" : "x", true));
      ctx.strokeStyle = css(m.colour);
      ctx.lineWidth = (m.on_y ? 1.2 : 1.6) * dpr;
      ctx.setLineDash(m.on_y ? [2 * dpr, 3 * dpr] : m.dashed ? [5 * dpr, 4 * dpr] : []);
      ctx.beginPath();
      if (m.on_y) { ctx.moveTo(b.left, at); ctx.lineTo(b.left + b.width, at); } else { ctx.moveTo(at, b.top); ctx.lineTo(at, b.top + b.height); }
      ctx.stroke();
      if (m.label) say(ctx, b, dpr, taken, lines, m.label, m.colour, m.on_y ? onLine(at, dpr) : beside(at, dpr), at);
    }
    ctx.font = font(11 * dpr);
    for (const p of c.phases || []) {
      const left = u.valToPos(p.from, "x", true), right = u.valToPos(p.to, "x", true);
      if (ctx.measureText(p.label).width + 8 * dpr < right - left) say(ctx, b, dpr, taken, [], p.label, "mute", () => [left + 5 * dpr, 9 * dpr]);
    }
  });
}

// Where a label may stand: beside a standing line, left first, row by row down; or on a lying one, at its left end.
const beside = (x, dpr) => (i, wide) => [i % 2 ? x + 6 * dpr : x - 6 * dpr - wide, (11 + 16 * Math.floor(i / 2)) * dpr];
const onLine = (y, dpr) => (i, wide, b) => [b.left + (7 + 60 * i) * dpr, y - b.top - 8 * dpr];

// A label that would lie on lines beside its own steps past them, to the side on which it stands.
function past(lines, x, wide, at, dpr) {
  const left = x < at;
  for (const l of [...lines].sort((p, q) => left ? q - p : p - q)) {
    if (l > x && l < x + wide) x = left ? l - 6 * dpr - wide : l + 6 * dpr;
  }
  return x;
}

// Better a row further down than beside another's line, better there than on one, and better on one than nowhere.
function say(ctx, b, dpr, taken, lines, text, colour, place, at) {
  const wide = ctx.measureText(text).width, tall = 15 * dpr, places = 12;
  for (let i = 0; i < 3 * places; i++) {
    const [own, mid] = place(i % places, wide, b), y = b.top + mid;
    const x = i >= places && i < 2 * places ? past(lines, own, wide, at, dpr) : own;
    const clear = taken.every(t => x > t.right + 10 * dpr || x + wide < t.left - 10 * dpr || Math.abs(y - t.y) >= tall);
    const crossed = i < 2 * places && lines.some(l => l > x && l < x + wide);
    if (!clear || crossed || x < b.left || x + wide > b.left + b.width || y + tall / 2 > b.top + b.height) continue;
    taken.push({ left: x, right: x + wide, y });
    ctx.setLineDash([]);
    ctx.lineJoin = "round";
    ctx.lineWidth = 3.5 * dpr;
    ctx.strokeStyle = faded("card", 0.85);
    ctx.strokeText(text, x, y);
    ctx.fillStyle = css(colour);
    ctx.fillText(text, x, y);
    return;
  }
}

function draw(c) {
  const el = document.getElementById(c.id);
  if (!el) return null;
  el.textContent = "";
  const rows = rowsOf(c), narrow = el.clientWidth < 520;
  const opts = {
    ...sizeOf(el), padding: [8, c.x.log || c.x.names ? 26 : 12, 0, 0],
    scales: { x: scaleOf(c.x, c.xs), y: scaleOf(c.y) },
    axes: [axisOf(c.x, "x", narrow), axisOf(c.y, "y", narrow)],
    series: [{ label: { rate: "rate", s: "at", percentile: "percentile", ms: "waited", nth: "run" }[c.x.unit], value: (u, v) => c.x.hints ? c.x.hints[v - 1] || "–" : written(c.x.unit, v) }, ...rows.map(r => seriesOf(c, r))],
    bands: bandsOf(rows),
    cursor: { points: { size: 7 }, drag: { x: true, y: false }, sync: c.sync ? { key: c.sync, scales: ["x", null] } : undefined },
    hooks: {
      drawClear: [u => drawGround(u, c)],
      draw: [u => { if (c.heat) drawHeat(u, c.heat); drawMarkers(u, c); }],
    },
  };
  const plot = new uPlot(opts, [c.xs, ...rows.map(r => r.ys)], el);
  fit(el, plot);
  return [el, plot];
}

// The legend's height is known only once it stands.
const sizeOf = el => ({ width: el.clientWidth, height: el.clientHeight - 30 });
function fit(el, plot) {
  const legend = el.querySelector(".u-legend");
  plot.setSize({ width: el.clientWidth, height: Math.max(120, el.clientHeight - (legend ? legend.offsetHeight : 0)) });
}

let plots = [];
// Legends read their colours once, so that a change of theme builds the charts anew.
function rebuild() {
  for (const [, plot] of plots) plot.destroy();
  plots = charts.map(draw).filter(Boolean);
}
// update draws newer charts: those that changed anew, and as far zoomed in as they were.
function update(next) {
  const before = new Map(charts.map(c => [c.id, c]));
  const drawn = new Map(plots.map(p => [p[0], p]));
  charts = next;
  plots = charts.map(c => {
    const el = document.getElementById(c.id), old = drawn.get(el), was = before.get(c.id);
    drawn.delete(el);
    if (!el || old && JSON.stringify(was) === JSON.stringify(c)) return old;
    const x = old && old[1].scales.x; // zoomed in where it is not the model's range, and only as far as the newer one has it too
    const zoom = old && (x.min > was.x.min || x.max < was.x.max) && x.min >= c.x.min && x.max <= c.x.max && { min: x.min, max: x.max };
    if (old) old[1].destroy();
    const made = draw(c);
    if (made && zoom) made[1].setScale("x", zoom);
    return made;
  }).filter(Boolean);
  for (const [, plot] of drawn.values()) plot.destroy();
}
addEventListener("charts", e => update(e.detail));
const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
const setTheme = t => { if (t) root.dataset.theme = t; else delete root.dataset.theme; rebuild(); };

if (location.hash === "#dark" || location.hash === "#light") root.dataset.theme = location.hash.slice(1);
rebuild();
document.getElementById("theme").addEventListener("click", () => setTheme(dark() ? "light" : "dark"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", rebuild);
let resized;
addEventListener("resize", () => { cancelAnimationFrame(resized); resized = requestAnimationFrame(() => plots.forEach(([el, plot]) => fit(el, plot))); });
let before;
addEventListener("beforeprint", () => { before = root.dataset.theme; root.dataset.print = ""; setTheme("light"); });
addEventListener("afterprint", () => { delete root.dataset.print; setTheme(before); });
})();

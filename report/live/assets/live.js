// Shows a run while it lasts: the strip of what happens now, and the report as it grows. What is drawn comes from the
// server whole, so that an event that was missed is made good by the next.
(() => {
"use strict";
const $ = id => document.getElementById(id);
const say = (el, text) => { if (el && el.textContent !== text) el.textContent = text; };
let now = null, charts = [], ended = false;

const drawn = () => dispatchEvent(new CustomEvent("charts", { detail: (now && !ended ? [now] : []).concat(charts) }));
// A page that nobody sees draws when it is seen again.
let due = false;
function draw() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => { due = false; drawn(); });
}

function become(old, next) {
  if (old.isEqualNode(next)) return;
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName || old.id !== next.id) { old.replaceWith(next); return; }
  if (old.nodeType !== Node.ELEMENT_NODE) { old.nodeValue = next.nodeValue; return; }
  for (const a of [...old.attributes]) if (a.name !== "open" && !next.hasAttribute(a.name)) old.removeAttribute(a.name);
  for (const a of next.attributes) if (a.name !== "open" && old.getAttribute(a.name) !== a.value) old.setAttribute(a.name, a.value);
  if (old.classList.contains("chart")) return; // what is drawn in it is page.js's
  const was = [...old.childNodes], is = [...next.childNodes];
  is.forEach((n, i) => i < was.length ? become(was[i], n) : old.append(n));
  was.slice(is.length).forEach(n => n.remove());
}

// fill makes the children of an element one for each value, and touches only what changed.
function fill(el, values, make) {
  const next = el.cloneNode(false);
  next.append(...values.flatMap(make));
  become(el, next);
}
function node(tag, cls, text) {
  const el = document.createElement(tag);
  if (cls) el.className = cls;
  if (text) el.textContent = text;
  return el;
}
function tile(t, i) {
  const el = node("div", "tile a" + i), value = node("span", "value" + (t.tone ? " t-" + t.tone : ""), t.value);
  if (t.unit) value.append(node("small", "", t.unit));
  el.append(node("span", "label", t.label), value, node("span", "detail", t.detail || "\u00a0"));
  return el;
}

function strip(s) {
  document.body.classList.remove("waiting");
  say($("what"), s.command + " · " + s.name);
  say($("clock"), [s.used, s.left].filter(Boolean).join(" · "));
  say($("phase"), s.phase || (s.outcome ? "" : "planning the next trial"));
  say($("trial"), s.trial);
  $("share").value = s.share;
  $("share").hidden = !s.spent;
  say($("spent"), s.spent);
  say($("then"), s.then ? "then " + s.then : "");
  fill($("tiles"), s.tiles, tile);
  fill($("lines"), s.lines, t => [node("dt", "", t.label), node("dd", t.tone ? "t-" + t.tone : "", t.value)]);
}

function state(cls, text) {
  document.body.classList.remove("live", "lost", "over");
  document.body.classList.add(cls);
  say($("state"), text);
}

const events = new EventSource("/events");
const on = (kind, f) => events.addEventListener(kind, e => f(JSON.parse(e.data)));
events.onopen = () => state("live", "live");
events.onerror = () => { if (!ended) state("lost", "connecting again"); };
on("now", strip);
on("chart", c => { now = c; draw(); });
on("report", html => {
  const next = new DOMParser().parseFromString(html, "text/html");
  const data = next.getElementById("data");
  charts = data ? JSON.parse(data.textContent) : [];
  document.title = next.title || document.title;
  become(document.querySelector("main"), next.querySelector("main"));
  draw();
});
on("end", outcome => {
  ended = true;
  events.close();
  state("over", "ended");
  say($("clock"), outcome);
  draw();
});

const stop = $("stop"), sure = $("sure");
if (stop) {
  stop.addEventListener("click", () => sure.showModal());
  $("no").addEventListener("click", () => sure.close());
  $("yes").addEventListener("click", async () => {
    sure.close();
    stop.disabled = true;
    say(stop, "ending");
    const answer = await fetch("/stop", { method: "POST", headers: { "X-Plimsoll-Token": document.querySelector("meta[name=plimsoll-token]").content } }).catch(() => null);
    if (answer && answer.ok) return;
    stop.disabled = false;
    say(stop, answer ? "not ended: load this page again" : "not ended: nobody answers");
  });
}
})();

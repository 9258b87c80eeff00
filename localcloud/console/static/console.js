// The address holds everything that is shown: the view, its filters, the range, and the end of it while paused.
// The stream only says that something is new; what is new is read again.

import { Connection } from "./connection.js";
import { logsView, Tail } from "./logs.js";
import { TRACE_FILTERS, tracesView, traceView } from "./traces.js";
import {
  alarmsView, alarmView, boardNames, boardView, changesView, drawCharts, element, errorView, runbookView, shortTime,
} from "./views.js";

const BASE = "/_console";
const RANGES = { PT15M: "15 minutes", PT1H: "1 hour", PT3H: "3 hours", PT12H: "12 hours", P1D: "1 day", P7D: "7 days" };
const DEFAULT_RANGE = "PT3H";
const CONTEXT = ["range", "end"]; // what every link keeps
const AWAY_MS = 60000;
const main = document.getElementById("main");
const live = document.getElementById("live");
const pause = document.getElementById("pause");
const range = document.getElementById("range");
const views = document.getElementById("views");
const away = document.getElementById("away");
const lost = document.getElementById("lost");
const setting = (name) => document.querySelector(`meta[name="${name}"]`).content;
const token = setting("console-token");

let state = null; // the newest
let shown = ""; // the address of what is shown
let drawing = 0;
let tracesShown = null; // the version of the traces that are shown, while they are
let plotly = null; // Plotly, being loaded: it is large, and most views need none

function address() {
  const [path, query = ""] = location.hash.slice(1).split("?", 2);
  return { path: path || "/alarms", query: new URLSearchParams(query), whole: location.hash || "#/alarms" };
}

function link(path, more = {}) {
  const { query } = address();
  const kept = new URLSearchParams();
  for (const name of CONTEXT) if (query.get(name)) kept.set(name, query.get(name));
  for (const [name, value] of Object.entries(more)) if (value) kept.set(name, value);
  const text = kept.toString();
  return `#${path}${text ? `?${text}` : ""}`;
}

function change(name, value) {
  const { path, query } = address();
  if (value) query.set(name, value);
  else query.delete(name);
  const text = query.toString();
  location.hash = `${path}${text ? `?${text}` : ""}`;
}

async function read(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value);
  const response = await fetch(`${BASE}/${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`);
  const value = await response.json();
  if (!response.ok) throw new Error(value.error);
  return value;
}

async function mute(name, muted) {
  const response = await fetch(`${BASE}/mute`, {
    method: "POST", headers: { "Content-Type": "application/json", "X-Console-Token": token }, body: JSON.stringify({ name, muted }),
  });
  if (!response.ok) show(errorView("Console", (await response.json()).error));
  else await refresh();
}

async function viewOf(path, query) {
  const end = query.get("end");
  const [, kind, name = ""] = path.split("/", 3).map(decodeURIComponent);
  if (kind === "boards" && name) {
    const board = await read("board", { name, range: query.get("range"), end });
    await (plotly ??= loadPlotly());
    const [heading, when, grid] = boardView(board, (href) => link(href.slice(1)));
    return { elements: [heading, when, grid], after: () => drawCharts(grid, board) };
  }
  if (kind === "alarms" && name) {
    const alarm = await read("alarm", { name, end });
    return { elements: alarmView(alarm, end ?? state.now, state.boards, link, mute) };
  }
  if (kind === "alarms") {
    const past = end ? await read("state", { end }) : state;
    return { elements: alarmsView(past, Object.fromEntries(query), link, change) };
  }
  if (kind === "changes") {
    const since = query.get("since") ?? sinceOf(query.get("range") ?? DEFAULT_RANGE, end ?? state.now);
    return { elements: changesView(await read("changes", { since, end }), link) };
  }
  if (kind === "traces" && name) return { elements: traceView(await read("trace", { id: name }), link) };
  if (kind === "traces") {
    const filters = Object.fromEntries(query);
    const wanted = Object.fromEntries(TRACE_FILTERS.map((filter) => [filter, filters[filter]]));
    const found = await read("traces", { range: query.get("range"), end, ...wanted });
    return { elements: tracesView(found, filters, link, change), traces: found.version };
  }
  if (kind === "logs") return { elements: await logsView(query, read, link, change) };
  if (kind === "runbook") return { elements: runbookView(await read("runbook"), link) };
  return { elements: errorView("Not found", "There is no such view.") };
}

function loadPlotly() {
  const script = element("script", { src: setting("plotly") });
  return new Promise((resolve, reject) => {
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => {
      plotly = null; // it is tried again
      reject(new TypeError("Plotly could not be loaded"));
    });
    document.head.append(script);
  });
}

/** The beginning of a range that ends then. */
function sinceOf(text, end) {
  const [, number, unit] = /^PT?(\d+)([MHD])$/.exec(text) ?? [null, "3", "H"];
  const length = Number(number) * { M: 60000, H: 3600000, D: 86400000 }[unit];
  return `${new Date(Date.parse(end) - length).toISOString().slice(0, 19)}Z`;
}

async function refresh() {
  const ticket = ++drawing;
  const { path, query } = address();
  let view;
  try {
    const newest = await read("state");
    if (ticket !== drawing) return;
    state = newest;
    view = await viewOf(path, query);
  } catch (error) {
    // A cloud that cannot be reached, or another program at its port.
    const isAway = error instanceof TypeError || error instanceof SyntaxError;
    if (isAway && shown && shown === address().whole) return; // what is shown stays
    view = { elements: errorView("Console", isAway ? "The cloud cannot be reached. This view appears when it can." : error.message) };
  }
  if (ticket !== drawing) return; // a later one is under way
  tracesShown = view.traces ?? null;
  show(view.elements, view.after);
  showFrame(path, query);
  remember();
}

function show(elements, after) {
  const isNew = shown !== address().whole;
  const focused = document.activeElement;
  const kept = main.contains(focused) ? selectorOf(focused) : null;
  const keyOf = (details, at) => details.dataset.id ?? at;
  const opened = new Map([...main.querySelectorAll("details")].map((details, at) => [keyOf(details, at), details.open]));
  const scrolled = scrollY;
  for (const chart of main.querySelectorAll(".js-plotly-plot")) Plotly.purge(chart);
  main.replaceChildren(...elements.filter(Boolean));
  if (isNew && shown && viewPart(shown) !== viewPart(address().whole)) {
    scrollTo(0, 0);
    main.querySelector("h1")?.focus({ preventScroll: true });
  } else {
    main.querySelectorAll("details").forEach((details, at) => { details.open ||= opened.get(keyOf(details, at)) ?? false; });
    if (kept) main.querySelector(kept)?.focus({ preventScroll: true });
    scrollTo(0, scrolled);
  }
  after?.();
  shown = address().whole;
}

function viewPart(hash) {
  return hash.split("?", 1)[0];
}

function selectorOf(focused) {
  if (focused.id) return `#${CSS.escape(focused.id)}`;
  if (focused.name) return `[name="${CSS.escape(focused.name)}"]`;
  const href = focused.getAttribute("href");
  return href ? `[href="${CSS.escape(href)}"]` : null;
}

function showFrame(path, query) {
  const boards = state?.boards ?? [];
  const names = boardNames(boards);
  const entries = [["/alarms", "Alarms"], ...boards.map((name, at) => [`/boards/${encodeURIComponent(name)}`, names[at]]), ["/logs", "Logs"], ["/traces", "Traces"], ["/changes", "Changes"], ["/runbook", "Runbook"]];
  const focused = views.contains(document.activeElement) ? document.activeElement.textContent : null;
  views.replaceChildren(...entries.map(([target, text]) =>
    element("a", { href: link(target), "aria-current": path === target ? "page" : null }, text)));
  if (focused) [...views.children].find((anchor) => anchor.textContent === focused)?.focus();
  const chosen = query.get("range") ?? DEFAULT_RANGE;
  const ranges = chosen in RANGES ? RANGES : { ...RANGES, [chosen]: chosen };
  range.replaceChildren(...Object.entries(ranges).map(([value, text]) => element("option", { value, selected: value === chosen }, text)));
  const end = query.get("end");
  pause.textContent = end ? "Resume" : "Pause";
  pause.setAttribute("aria-pressed", String(Boolean(end)));
  const firing = state?.alarms.filter((alarm) => alarm.state === "ALARM").length ?? 0;
  document.title = `${firing ? `(${firing}) ` : ""}${main.querySelector("h1")?.textContent ?? "Console"} – Console`;
  showLive(end);
  showCode();
}

/** What became of the last edit of the functions' code, until the next one. */
function showCode() {
  const { code } = state ?? {};
  const notice = document.getElementById("code");
  notice.hidden = !code;
  if (!code || notice.dataset.at === code.at + code.sentence) return;
  notice.dataset.at = code.at + code.sentence;
  notice.className = code.ok ? "" : "is-broken";
  notice.replaceChildren(`${shortTime(code.at).slice(11)} UTC: ${code.sentence}`,
    code.details.length ? element("pre", {}, code.details.join("\n")) : "");
}

async function showLive(end) {
  if (!connection.isOpen) say(connection.lostAt ? "Connection lost" : "Connecting…");
  else if (!end) say(state ? `Live, ${shortTime(state.now).slice(11)} UTC` : "Live");
  else {
    const { count } = await read("changes", { since: end }).catch(() => ({ count: 0 }));
    say(`Paused at ${shortTime(end).slice(11)} UTC; ${count} ${count === 1 ? "change" : "changes"} since`);
  }
}

/** Whether a message says that what is shown has changed; traces do all the time, and only their own view shows them. */
function isNew(message) {
  const field = document.activeElement;
  if (main.contains(field) && field.matches("input") && field.value !== field.defaultValue) return false; // somebody types
  return state?.version !== message.version || (tracesShown !== null && tracesShown !== message.traces);
}

function say(text) {
  if (live.textContent !== text) live.textContent = text;
}

// What was seen last, also by a console that was closed. Of another cloud, it means nothing.
function remember() {
  if (state && !document.hidden && !address().query.get("end")) localStorage.setItem("seen", JSON.stringify({ cloud: state.cloud, at: state.now }));
}

function lastSeen() {
  try {
    return JSON.parse(localStorage.getItem("seen")) ?? {};
  } catch {
    return {};
  }
}

async function tellWhatChanged() {
  const seen = lastSeen();
  const newest = await read("state").catch(() => null);
  if (!newest || !seen.cloud) return;
  if (seen.cloud !== newest.cloud) {
    tell(element("span", {}, "The cloud was started again since you saw it last: its data and its history began anew."));
    return;
  }
  if (Date.parse(newest.now) - Date.parse(seen.at) < AWAY_MS) return;
  const { count, changes } = await read("changes", { since: seen.at }).catch(() => ({ count: 0 }));
  if (!count) return;
  const alarms = new Set(changes.map((found) => found.alarm)).size;
  tell(
    element("span", {}, `While you were away, since ${shortTime(seen.at)} UTC: ${count} ${count === 1 ? "change" : "changes"} of ${alarms} ${alarms === 1 ? "alarm" : "alarms"}.`),
    element("a", { href: link("/changes", { since: seen.at }) }, "Show the changes"));
}

/** Show a notice until it is dismissed, or another takes its place. */
function tell(...content) {
  away.replaceChildren(...content, element("button", { type: "button", id: "dismiss", click: () => { away.hidden = true; } }, "Dismiss"));
  away.hidden = false;
}

const tail = new Tail(read, link);

/** New lines, in the view that shows them: it is not drawn again, because a user may be typing there. */
async function showLines(message) {
  const { path, query } = address();
  tail.arrived(message.logs, query);
  if (state?.version !== message.version) {
    state = await read("state").catch(() => state);
    showFrame(path, query);
    remember();
  } else showLive(null);
}

const connection = new Connection(`${BASE}/events`, (message, wasLost) => {
  lost.hidden = true;
  if (state && state.cloud !== message.cloud) location.reload(); // its token is another, and so may be its code
  else if (!wasLost && shown === address().whole && address().path === "/logs" && !address().query.get("end")) showLines(message);
  else if (wasLost || (!address().query.get("end") && isNew(message))) refresh();
  else showLive(address().query.get("end")); // nothing new, or paused: what is shown stands still
}, () => {
  lost.textContent = `Connection lost at ${connection.lostAt.toISOString().slice(11, 19)} UTC. What is shown is of before. `
    + "If the cloud was stopped, start it again: python -m localcloud up. This page then goes on by itself.";
  lost.hidden = false;
  showLive(address().query.get("end"));
});

range.addEventListener("change", () => change("range", range.value === DEFAULT_RANGE ? "" : range.value));
pause.addEventListener("click", () => change("end", address().query.get("end") ? "" : state?.now));
addEventListener("hashchange", () => {
  if (location.hash === "#main") history.replaceState(null, "", shown); // the link that skips the navigation
  else refresh();
});
// A hidden page needs no stream: a browser allows few connections to one host.
document.addEventListener("visibilitychange", async () => {
  if (document.hidden) {
    connection.close();
    return;
  }
  await tellWhatChanged();
  connection.open();
  refresh();
});

await tellWhatChanged();
connection.open();
refresh();

// What is around a view, and when the view is drawn again. The stream only says that something is new; what is new is
// read again.

import { address, BASE, change, DEFAULT_RANGE, link, post, RANGES, read, viewPart } from "./address.js";
import { Connection } from "./connection.js";
import { Tail } from "./logs.js";
import { viewOf } from "./routes.js";
import { boardNames, element, errorView, shortTime } from "./views.js";

const AWAY_MS = 60000;
const OFTEN_MS = 2000;
const main = document.getElementById("main");
const live = document.getElementById("live");
const pause = document.getElementById("pause");
const range = document.getElementById("range");
const views = document.getElementById("views");
const away = document.getElementById("away");
const lost = document.getElementById("lost");

let state = null; // the newest
let shown = ""; // the address of what is shown
let drawing = 0;
let frame = ""; // what navigation and ranges were drawn from
let next = 0; // the timer of the next look, for a view of something that changes without an event
let tracesShown = null; // the version of the traces that are shown, while they are

async function mute(name, muted) {
  try {
    await post("mute", { name, muted });
  } catch (error) {
    show(errorView("Console", error.message));
    return;
  }
  await refresh();
}

async function refresh() {
  const ticket = ++drawing;
  const { path, query } = address();
  const look = async (...wanted) => {
    const found = await read(...wanted);
    if (ticket !== drawing) throw new Error("A later look is under way."); // an older answer would take back what it showed
    return found;
  };
  let view;
  try {
    state = await look("state");
    view = await viewOf(path, query, state, { look, mute, refresh });
  } catch (error) {
    if (ticket !== drawing) return;
    // A cloud that cannot be reached, or another program at its port.
    const isAway = error instanceof TypeError || error instanceof SyntaxError;
    if (isAway && shown && shown === address().whole) return; // what is shown stays
    view = { elements: errorView("Console", isAway ? "The cloud cannot be reached. This view appears when it can." : error.message) };
  }
  if (ticket !== drawing) return; // a later one is under way
  tracesShown = view.traces ?? null;
  show(view.elements, view.after);
  tail.drawn();
  showFrame(path, query);
  remember();
  clearTimeout(next);
  if (view.often && !query.get("end") && !document.hidden) next = setTimeout(refresh, OFTEN_MS);
}

function show(elements, after) {
  if (elements.length === main.children.length && elements.every((part, at) => part === main.children[at])) {
    shown = address().whole; // the view has changed itself
    return;
  }
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

function selectorOf(focused) {
  if (focused.id) return `#${CSS.escape(focused.id)}`;
  if (focused.name) return `[name="${CSS.escape(focused.name)}"]`;
  const href = focused.getAttribute("href");
  return href ? `[href="${CSS.escape(href)}"]` : null;
}

/** The entries of the navigation, by what a user wants to know. */
function groupsOf(boards) {
  const names = boardNames(boards);
  return [
    ["Health", [["/alarms", "Alarms"], ["/system", "System"], ["/changes", "Changes"], ["/runbook", "Runbook"]]],
    ["Boards", boards.map((name, at) => [`/boards/${encodeURIComponent(name)}`, names[at]])],
    ["History", [["/logs", "Logs"], ["/traces", "Traces"], ["/follow", "Follow"]]],
    ["Data", [["/queues", "Queues"], ["/table", "Table"], ["/api", "Try the API"]]],
  ].filter(([, entries]) => entries.length);
}

function showFrame(path, query) {
  const groups = groupsOf(state?.boards ?? []).map(([name, entries]) =>
    [name, entries.map(([target, text]) => [link(target), text, path === target || path.startsWith(`${target}/`)])]);
  const chosen = query.get("range") ?? DEFAULT_RANGE;
  const drawn = JSON.stringify([groups, chosen]);
  if (drawn !== frame) { // drawn again, a link loses a click that has begun, and a list of choices closes
    frame = drawn;
    drawFrame(groups, chosen);
  }
  const end = query.get("end");
  pause.textContent = end ? "Resume" : "Pause";
  pause.setAttribute("aria-pressed", String(Boolean(end)));
  pause.disabled = !state && !end; // before, there is no time to pause at
  const firing = state?.alarms.filter((alarm) => alarm.state === "ALARM").length ?? 0;
  document.title = `${firing ? `(${firing}) ` : ""}${main.querySelector("h1")?.textContent ?? "Console"} – Console`;
  showLive(end);
  showCode();
}

function drawFrame(groups, chosen) {
  const focused = views.contains(document.activeElement) ? document.activeElement.textContent : null;
  views.replaceChildren(...groups.map(([name, links]) => element("span", { class: "group", role: "group", "aria-label": name },
    links.map(([href, text, isShown]) => element("a", { href, "aria-current": isShown ? "page" : null }, text)))));
  if (focused) [...views.querySelectorAll("a")].find((anchor) => anchor.textContent === focused)?.focus();
  const ranges = chosen in RANGES ? RANGES : { ...RANGES, [chosen]: chosen };
  range.replaceChildren(...Object.entries(ranges).map(([value, text]) => element("option", { value, selected: value === chosen }, text)));
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
  tail.arrived(message.logs);
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

// The logs: lines that pass filters, live, and the rows of a query. Text becomes text nodes.

import { address } from "./address.js";
import { element, shortTime } from "./views.js";

const FILTERS = ["function", "level", "outcome", "request", "trace", "text", "where", "metrics"];
const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "PLATFORM"];
const TRACE = /^1-[0-9a-f]{8}-[0-9a-f]{24}$/;
const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/;
const TAIL_MS = 500; // lines that arrive within this time are shown together

/** The parameters of what is shown: range, end and filters. */
function given(query) {
  const found = { range: query.get("range"), end: query.get("end") };
  for (const name of FILTERS) found[name] = query.get(name);
  return found;
}

export async function logsView(query, look, link, change) {
  const [found, asked] = await Promise.all([
    look("logs", given(query)),
    look("query", { range: query.get("range"), end: query.get("end"), query: query.get("query"), groups: query.get("groups") }),
  ]);
  return [
    element("h1", { tabindex: "-1" }, "Logs"),
    filters(query, found, link, change),
    queryPanel(query, asked, link), // above the lines: there may be hundreds
    element("section", { class: "panel", "aria-label": "Lines", id: "log-lines" }, lines(found, link)),
  ];
}

function filters(query, found, link, change) {
  const choice = (name, label, options) => element("label", {}, label,
    element("select", { name, change: (event) => change(name, event.target.value) },
      element("option", { value: "" }, "All"),
      options.map((text) => element("option", { value: text, selected: query.get(name) === text }, text))));
  const input = (name, label, more = {}) => element("label", {}, label,
    element("input", { type: "search", name, value: query.get(name) ?? "", change: (event) => change(name, event.target.value.trim()), ...more }));
  return element("div", { class: "filters", role: "search", "aria-label": "Filter lines" },
    choice("function", "Log of", found.functions), choice("level", "Level", LEVELS), input("outcome", "Outcome", { size: 10 }),
    input("text", "Contains"), input("request", "Request"), input("trace", "Trace"),
    input("where", "Condition", { size: 34, placeholder: "duration_ms > 100 and failed = 0" }),
    element("label", { class: "check" },
      element("input", { type: "checkbox", name: "metrics", checked: Boolean(query.get("metrics")), change: (event) => change("metrics", event.target.checked ? "1" : "") }),
      "Metrics too"),
    FILTERS.some((name) => query.get(name)) ? element("a", { href: link("/logs") }, "Clear") : null);
}

function lines(found, link) {
  if (found.error) return [element("p", { role: "alert" }, found.error)];
  if (!found.lines.length) return [element("p", {}, "No line in this range passes the filters.")];
  return [
    element("ol", { class: "lines" }, found.lines.map((line) => lineOf(line, link))),
    found.isMore ? element("p", { class: "when" }, `The newest ${found.lines.length} are shown. Filter, or pause and shorten the range, to see others.`) : null,
  ];
}

function lineOf(line, link) {
  return element("li", { class: `line level-${line.level}` },
    element("details", { "data-id": line.id },
      element("summary", {},
        element("time", { datetime: line.at }, shortTime(line.at).slice(11)), " ",
        element("b", {}, line.function), " ",
        line.level ? element("span", { class: "tag" }, line.level) : null,
        line.outcome ? element("span", { class: "tag" }, line.outcome) : null,
        element("span", { class: "text" }, line.text)),
      element("p", { class: "when" },
        line.request ? element("a", { href: link("/logs", { request: line.request }) }, "All lines of this invocation") : "Of no request",
        line.trace ? [" · ", element("a", { href: link("/logs", { trace: line.trace }) }, "All lines of this trace")] : "",
        line.trace ? [" · ", element("a", { href: link(`/traces/${encodeURIComponent(line.trace)}`) }, "Trace")] : ""),
      line.message ? element("pre", { tabindex: "0", role: "region", "aria-label": "Line" }, line.message) : null,
      element("dl", {}, line.fields.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, valueOf(name, value, link))]))));
}

/** A value, which leads to the message, the invocation or the trace that it names. */
function valueOf(name, value, link) {
  if (TRACE.test(value)) return element("a", { href: link("/logs", { trace: value }) }, value);
  if (/(^|\.)message_id$/.test(name) && value) return element("a", { href: link(`/follow/${encodeURIComponent(value)}`) }, value);
  if (name === "function_request_id" && value) return element("a", { href: link("/logs", { request: value }) }, value);
  return value;
}

function queryPanel(query, asked, link) {
  const text = element("textarea", { name: "query", rows: "6", spellcheck: "false", "aria-label": "Query" });
  text.value = query.get("query") ?? "";
  const wanted = (query.get("groups") ?? "").split(",").filter(Boolean);
  const groups = asked.groups.map((name) => element("label", { class: "check" },
    element("input", { type: "checkbox", name: `group ${name}`, value: name, checked: !wanted.length || wanted.includes(name) }), name));
  const run = () => {
    const chosen = groups.map((label) => label.querySelector("input")).filter((box) => box.checked).map((box) => box.value);
    location.hash = link("/logs", { query: text.value.trim(), groups: chosen.length === groups.length ? "" : chosen.join(",") });
  };
  const saved = element("select", { name: "saved", change: (event) => {
    const found = asked.saved[Number(event.target.value)];
    if (!found) return;
    text.value = found.text;
    for (const label of groups) {
      const box = label.querySelector("input");
      box.checked = found.groups.includes(box.value);
    }
  } }, element("option", { value: "" }, "Choose"), asked.saved.map((found, at) => element("option", { value: String(at) }, found.name)));
  const panel = element("details", { class: "panel", id: "log-query", "data-id": "query" },
    element("summary", {}, "Query"),
    element("p", {}, element("label", {}, "Saved query ", saved)),
    text,
    element("fieldset", {}, element("legend", {}, "Log groups"), groups),
    element("p", {}, element("button", { type: "button", id: "run", click: run }, "Run")),
    element("div", { id: "log-rows" }, rows(query, asked, link)));
  panel.open = Boolean(query.get("query"));
  return panel;
}

function rows(query, asked, link) {
  if (!query.get("query")) return [];
  if (asked.error) {
    const { sentence, start, end } = asked.error;
    const text = query.get("query");
    return [
      element("p", { role: "alert", class: "error" }, sentence),
      end > start ? element("pre", {}, text.slice(0, start), element("mark", {}, text.slice(start, end)), text.slice(end)) : null,
    ];
  }
  return [
    element("p", { class: "when" }, `${asked.count} ${asked.count === 1 ? "row" : "rows"} of ${asked.matched} matching and ${asked.scanned} scanned lines.`),
    asked.rows.length ? element("div", { class: "rows", tabindex: "0", role: "region", "aria-label": "Rows" },
      element("table", {},
        element("thead", {}, element("tr", {}, asked.columns.map((name) => element("th", { scope: "col" }, name)))),
        element("tbody", {}, asked.rows.map((row) => element("tr", {}, row.map((value, at) => element("td", { class: TIME.test(value) ? "time" : null }, valueOf(asked.columns[at], value, link)))))))) : null,
  ];
}

/** Shows new lines where the others are, without touching what is typed or opened. */
export class Tail {
  constructor(read, link) {
    this.read = read;
    this.link = link;
    this.shown = null; // how many lines had arrived when they were read last
  }

  /** Call it with the number of lines that have arrived. */
  arrived(count) {
    if (count === this.shown || this.timer) return;
    this.timer = setTimeout(() => this.#show(), TAIL_MS);
  }

  /** Call it when the view was drawn: its lines may have been read before the newest ones, so they are read again. */
  drawn() {
    this.shown = null;
  }

  async #show() {
    try {
      const { path, query, whole } = address(); // of now: a user may have gone on since the lines arrived
      if (path !== "/logs" || query.get("end")) return;
      const found = await this.read("logs", given(query));
      const list = document.getElementById("log-lines");
      if (!list || address().whole !== whole) return;
      this.shown = found.logs;
      const focused = list.contains(document.activeElement) ? document.activeElement.closest("[data-id]")?.dataset.id : null;
      const opened = new Set([...list.querySelectorAll("details[open]")].map((details) => details.dataset.id));
      list.replaceChildren(...lines(found, this.link).filter(Boolean));
      for (const details of list.querySelectorAll("details")) {
        details.open = opened.has(details.dataset.id);
        if (details.dataset.id === focused) details.querySelector("summary").focus({ preventScroll: true });
      }
    } catch {
      // The connection says when the cloud is away; a condition that is being corrected is said by the view.
    } finally {
      this.timer = null;
    }
  }
}

// Traces: the list with its filters and its map, and one trace as a waterfall.

import { element, shortName, shortTime } from "./views.js";

export const TRACE_FILTERS = ["result", "over", "service", "annotation", "text", "filter"];
const RESULTS = { ok: "OK", error: "Error (4XX)", throttle: "Throttled", fault: "Fault (5XX)", partial: "Incomplete" };
const COLUMN = 228;
const ROW = 96;
const BOX = { width: 180, height: 62 };
const SVG = "http://www.w3.org/2000/svg";

function milliseconds(value) {
  if (value === null) return "still runs";
  return value < 1000 ? `${Math.round(value * 10) / 10} ms` : `${(value / 1000).toFixed(2)} s`;
}

function timeOf(text) {
  return element("time", { datetime: text }, `${shortTime(text)} UTC`);
}

function drawn(tag, properties, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function kindOf(type) {
  return type.replace(/^AWS::/, "").replaceAll("::", " ");
}

function cut(text, length) {
  return text.length > length ? `…${text.slice(1 - length)}` : text;
}

function worst(calls) {
  return calls.faults ? "fault" : calls.errors ? "error" : "ok";
}

function inWords(calls) {
  const failed = [calls.faults ? `${calls.faults} faults` : "", calls.errors ? `${calls.errors} errors` : ""].filter(Boolean);
  return `${calls.total} ${calls.total === 1 ? "call" : "calls"}${failed.length ? `, ${failed.join(", ")}` : ""}`
    + `${calls.milliseconds === null ? "" : `, ${milliseconds(calls.milliseconds)} on average`}`;
}

/** The map of services. Each is a link that filters by it; what it says is in its name, and in the list below. */
export function traceMap(map, linkOf) {
  if (!map.nodes.length) return null;
  const place = (node) => ({ x: node.column * COLUMN + 10, y: node.row * ROW + 20 });
  const width = Math.max(...map.nodes.map((node) => place(node).x)) + BOX.width + 10;
  const height = Math.max(...map.nodes.map((node) => place(node).y)) + BOX.height + 14;
  const arrows = map.edges.map((edge) => {
    const from = place(map.nodes[edge.from]);
    const to = place(map.nodes[edge.to]);
    const [x1, y1, x2, y2] = [from.x + BOX.width, from.y + BOX.height / 2, to.x - 6, to.y + BOX.height / 2];
    const words = `${map.nodes[edge.from].name} to ${map.nodes[edge.to].name}: ${inWords(edge)}${edge.isLink ? ", by messages" : ""}`;
    return drawn("path", {
      class: `edge is-${worst(edge)}${edge.isLink ? " is-link" : ""}`, "marker-end": "url(#arrow)",
      d: `M ${x1} ${y1} C ${x1 + 30} ${y1}, ${x2 - 30} ${y2}, ${x2} ${y2}`,
    }, drawn("title", {}, words));
  });
  const boxes = map.nodes.map((node) => {
    const { x, y } = place(node);
    const isClient = node.type === "client";
    const name = isClient ? "Clients" : node.name;
    const lines = [
      drawn("text", { x: x + 8, y: y + 19, class: "name" }, cut(shortName(name), 24)),
      drawn("text", { x: x + 8, y: y + 36 }, kindOf(node.type)),
      drawn("text", { x: x + 8, y: y + 52 }, isClient ? "" : `${node.total} ${node.total === 1 ? "call" : "calls"}${node.milliseconds === null ? "" : ` · ${milliseconds(node.milliseconds)}`}`),
    ];
    const box = drawn("rect", { x, y, width: BOX.width, height: BOX.height, rx: 4 });
    const words = isClient ? `Clients of ${node.name}` : `${node.name}, ${kindOf(node.type)}: ${inWords(node)}`;
    const parts = [drawn("title", {}, words), box, ...lines];
    return isClient ? drawn("g", { class: "node" }, ...parts)
      : drawn("a", { class: `node is-${worst(node)}`, href: linkOf(node.name), "aria-label": words }, ...parts);
  });
  const arrow = drawn("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
    drawn("path", { d: "M 0 0 L 8 4 L 0 8 z" }));
  const picture = drawn("svg", { class: "map", width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Map of services" },
    drawn("defs", {}, arrow), ...arrows, ...boxes);
  return element("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Map of services" }, picture);
}

function filtersOf(found, filters, setFilter) {
  const changed = (name) => (event) => setFilter(name, event.target.value);
  const choice = (name, label, options) => element("label", {}, label,
    element("select", { name, change: changed(name) },
      [["", "All"], ...options].map(([value, text]) => element("option", { value, selected: filters[name] === value }, text))));
  const field = (name, label, more) => element("label", {}, label,
    element("input", { name, type: "search", value: filters[name] ?? "", change: changed(name), ...more }));
  const services = filters.service && !found.services.includes(filters.service) ? [filters.service, ...found.services] : found.services;
  return element("div", { class: "filters", role: "search", "aria-label": "Filter traces" },
    choice("result", "Result", Object.entries(RESULTS)),
    field("over", "At least (ms)", { inputmode: "numeric", size: 6 }),
    choice("service", "Service", services.map((name) => [name, name])),
    field("annotation", "Annotation (key or key=value)", { list: "annotations" }),
    element("datalist", { id: "annotations" }, found.annotations.map((key) => element("option", { value: key }))),
    field("text", "Text anywhere in the trace"),
    field("filter", "Filter expression of X-Ray", { size: 34, list: "expressions" }),
    element("datalist", { id: "expressions" }, found.groups.map((name) => element("option", { value: `group.name = "${name}"` }))));
}

export function tracesView(found, filters, link, setFilter) {
  const kept = Object.fromEntries(TRACE_FILTERS.map((name) => [name, filters[name]]));
  const linkOf = (service) => link("/traces", { ...kept, service });
  const longest = Math.max(1, ...found.traces.map((trace) => trace.milliseconds));
  const notes = [
    found.count > found.traces.length ? ` The newest ${found.traces.length} are shown.` : "",
    found.count > found.mapped ? ` The map is of the newest ${found.mapped}.` : "",
    found.dropped ? ` ${found.dropped} older traces were dropped for newer ones.` : "",
    found.rejected ? ` ${found.rejected} documents were malformed or too large.` : "",
  ].join("");
  const map = traceMap(found.map, linkOf);
  return [
    element("h1", { tabindex: "-1" }, "Traces"),
    filtersOf(found, filters, setFilter),
    found.problem ? element("p", { class: "panel error", role: "alert" }, found.problem) : null,
    element("p", {}, `${found.count} of ${found.total} traces until `, timeOf(found.end), `.${notes}`),
    map ? element("section", { class: "panel", "aria-label": "Map" }, element("h2", {}, "Services"), map) : null,
    found.traces.length ? element("ul", { class: "traces" }, found.traces.map((trace) => row(trace, longest, link)))
      : element("p", {}, found.total ? "No trace matches the filters." : "There are no traces in this range. Send an event, or ask the API."),
  ];
}

function row(trace, longest, link) {
  const what = trace.method ? `${trace.method} ${trace.path}` : kindOf(trace.type);
  return element("li", {},
    element("a", { class: `trace is-${trace.result}`, href: link(`/traces/${trace.id}`), title: trace.id },
      element("span", { class: "when" }, shortTime(trace.start).slice(11)),
      element("b", {}, trace.entry), element("span", {}, what),
      element("span", { class: "tags" }, tag(trace.result), trace.status ? element("span", { class: "tag" }, trace.status) : null,
        trace.hidden ? element("span", { class: "tag" }, "a call failed") : null,
        trace.isPartial ? element("span", { class: "tag" }, "incomplete") : null,
        trace.links ? element("span", { class: "tag" }, "messages of a trace") : null),
      element("span", { class: "bar", "aria-hidden": "true" }, element("i", { style: `width: ${Math.max(0.5, trace.milliseconds / longest * 100)}%` })),
      element("span", { class: "number" }, milliseconds(trace.milliseconds))));
}

function tag(result) {
  return element("span", { class: `tag is-${result}` }, RESULTS[result]);
}

/** The waterfall: one row for each span, which opens to show what is known about it. */
function waterfall(trace, link) {
  const whole = Math.max(trace.milliseconds, ...trace.spans.map((span) => span.offset + (span.milliseconds ?? 0)), 0.1);
  return element("ol", { class: "waterfall" }, trace.spans.map((span) => element("li", {},
    element("details", { "data-id": span.id },
      element("summary", { class: `is-${span.result}`, id: `span-${span.id}` },
        element("span", { class: "name", style: `padding-left: ${Math.min(span.depth, 10) * 0.8}rem` },
          span.isSegment ? element("b", {}, span.name) : span.name,
          element("small", {}, [span.type ? kindOf(span.type) : "", span.operation, span.isInferred ? "inferred" : "", span.isLost ? "its segment never arrived" : ""].filter(Boolean).join(" · "))),
        element("span", { class: "lane", "aria-hidden": "true" },
          element("i", { style: `left: ${span.offset / whole * 100}%; width: ${Math.max(0.3, (span.milliseconds ?? whole - span.offset) / whole * 100)}%` })),
        element("span", { class: "number" }, milliseconds(span.milliseconds)),
        span.result === "ok" ? null : tag(span.result)),
      about(span, trace, link)))));
}

function about(span, trace, link) {
  return element("div", { class: "about" },
    element("p", {}, `Begins after ${milliseconds(span.offset)}`, span.status ? `, status ${span.status}` : "", ". ",
      span.request ? element("a", { href: link("/logs", { request: span.request }) }, "Log lines of this request") : null,
      span.request ? " · " : null,
      element("a", { href: link("/logs", { trace: trace.id }) }, "Log lines of the trace")),
    span.exceptions.map((exception) => element("div", {}, element("b", { class: "state-ALARM" }, exception.type || "Exception"),
      exception.stack.length ? element("pre", { tabindex: "0", role: "region", "aria-label": "Stack" }, exception.stack.join("\n")) : null)),
    Object.keys(span.annotations).length ? element("ul", {}, Object.entries(span.annotations).map(([key, value]) => element("li", {},
      element("a", { href: link("/traces", { annotation: `${key}=${value.replace(/^"|"$/g, "")}` }), title: "Traces with this annotation" }, `${key} = ${value}`)))) : null,
    element("pre", { tabindex: "0", role: "region", "aria-label": "Document" }, span.document));
}

const RELATIONS = {
  sender: "A message of this batch was sent in", batch: "A message that was sent here was handled in",
};

export function traceView(trace, link) {
  return [
    element("h1", { tabindex: "-1" }, `Trace ${trace.id}`),
    element("section", { class: "panel", "aria-label": "Trace" },
      element("p", {}, tag(trace.result), element("b", {}, trace.entry), ` at `, timeOf(trace.start), `, ${milliseconds(trace.milliseconds)}, ${trace.spans.length} spans. `,
        trace.isPartial ? "Something still runs, or never arrived. " : "", trace.limitExceeded ? "It was larger than a trace may be, so a part of it is missing. " : "",
        element("a", { href: link("/logs", { trace: trace.id }) }, "Log lines of the trace")),
      waterfall(trace, link)),
    trace.linked.map((other) => element("section", { class: "panel", "aria-label": "Linked trace" },
      element("h2", {}, `${RELATIONS[other.relation]} `, element("a", { href: link(`/traces/${other.id}`) }, other.id)),
      other.spans ? waterfall(other, link) : element("p", {}, "That trace is not kept here: its sender does not send its segments to this cloud, or newer traces have taken its place."))),
    trace.notShown ? element("p", {}, `${trace.notShown} more linked traces are not shown.`) : null,
  ].flat();
}

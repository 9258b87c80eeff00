// The system as a picture: its parts, what flows between them, and which of them is broken.

import { byUrgency, element, shortName, tile, timeOf } from "./views.js";

const DOWN = ["event-handler dead-letters"]; // drawn downwards; all other arrows to the right

/** A number as people read it; AWS publishes nothing where nothing happened. */
function count(value) {
  return value === null ? "–" : Number(value.toPrecision(3)).toLocaleString("en");
}

function figureOf({ label, value, unit, is_bad: isBad }) {
  return element("span", { class: isBad ? "is-bad" : null }, `${label} ${count(value)}${value !== null && unit ? ` ${unit}` : ""}`);
}

function box(part, link) {
  const firing = part.firing.length;
  return element("a", {
    class: `part${firing ? " is-broken" : ""}${part.exists ? "" : " is-absent"}${part.isOurs ? "" : " is-outside"}`, style: `grid-area: ${part.id}`,
    href: link(`/system/${part.id}`), "data-part": part.id,
  },
  element("b", {}, part.title),
  firing ? element("span", { class: "tag" }, `${firing} ${firing === 1 ? "alarm" : "alarms"}: ${part.firing.map(shortName).join(", ")}`) : null,
  part.exists ? part.figures.map(figureOf) : element("span", {}, "not deployed"));
}

function line(arrow, titles) {
  const name = `${arrow.start} ${arrow.end}`;
  return element("div", {
    class: `arrow${arrow.rate ? " is-flowing" : ""}${DOWN.includes(name) ? " is-down" : ""}`, style: `grid-area: ${arrow.start}-${arrow.end}`,
    "data-arrow": name,
  },
  element("span", { class: "unseen" }, `${titles[arrow.start]} to ${titles[arrow.end]}: `),
  element("span", {}, `${count(arrow.rate)} ${arrow.label}`));
}

export function pictureView(found, link) {
  const titles = Object.fromEntries(found.parts.map((part) => [part.id, part.title]));
  const broken = found.parts.filter((part) => part.firing.length);
  return [
    element("h1", { tabindex: "-1" }, "System"),
    element("p", {}, broken.length ? `Alarms fire about: ${broken.map((part) => part.title).join(", ")}.` : "No alarm fires about any part.",
      " Rates are those of the minute ", timeOf(found.minute), "; a dash means that nothing was published."),
    element("div", { class: "picture" },
      // Each part is followed by the arrows that leave it, so that the order makes sense on a narrow page too.
      found.parts.flatMap((part) => [box(part, link), ...found.arrows.filter(({ start }) => start === part.id).map((arrow) => line(arrow, titles))])),
  ];
}

export function partView(part, end, link) {
  const links = (names, path) => names.flatMap((name, at) => [at ? ", " : "", element("a", { href: link(`${path}${encodeURIComponent(name)}`) }, name)]);
  const value = (number) => element("td", {}, count(number));
  return [
    element("h1", { tabindex: "-1" }, part.title),
    element("p", {}, element("a", { href: link("/system") }, "The whole system"),
      part.resources.length ? ` · ${part.resources.join(", ")}` : ""),
    part.links.length ? element("p", { class: "part-links" }, part.links.flatMap(({ text, path, given }, at) =>
      [at ? " · " : "", element("a", { href: link(path, given) }, text)])) : null,
    part.boards.length ? element("p", {}, "Boards: ", links(part.boards, "/boards/")) : null,
    element("h2", {}, "Alarms about it"),
    part.alarms.length ? element("ul", { class: "alarms" }, part.alarms.sort(byUrgency).map((alarm) => tile(alarm, end, link)))
      : element("p", {}, "No alarm reads a metric of it."),
    element("h2", {}, "Metrics"),
    part.metrics.length ? element("div", { class: "scrolled", tabindex: "0", role: "region", "aria-label": "Metrics" },
      element("table", {},
        element("caption", {}, `In the minute `, timeOf(part.minute), part.metricCount > part.metrics.length ? `; the first ${part.metrics.length} of ${part.metricCount}` : ""),
        element("thead", {}, element("tr", {}, ["Metric", "Dimensions", "Sum", "Maximum", "Unit"].map((title) => element("th", { scope: "col" }, title)))),
        element("tbody", {}, part.metrics.map((metric) => element("tr", {},
          element("th", { scope: "row" }, `${metric.namespace} ${metric.name}`), element("td", {}, metric.dimensions),
          value(metric.sum), value(metric.maximum), element("td", {}, metric.unit))))))
      : element("p", {}, "Nothing was measured of it in the last three hours."),
  ];
}

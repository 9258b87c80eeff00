// The view that an address leads to.

import { apiView } from "./api.js";
import { change, changeAll, DEFAULT_RANGE, link, post, read, setting, sinceOf } from "./address.js";
import { followListView, followView } from "./follow.js";
import { logsView } from "./logs.js";
import { partView, pictureView } from "./picture.js";
import { queuesView, queueView } from "./queues.js";
import { tableView } from "./table.js";
import { TRACE_FILTERS, tracesView, traceView } from "./traces.js";
import {
  alarmsView, alarmView, boardView, changesView, drawCharts, element, errorView, runbookView,
} from "./views.js";

let plotly = null; // Plotly, being loaded: it is large, and most views need none

let drawn = { key: "", elements: [] }; // what a view that is read often showed last

/** The parts of a path: the kind of view, and the name of what it shows. */
function partsOf(path) {
  try {
    return path.split("/", 3).slice(1).map(decodeURIComponent);
  } catch {
    throw new Error("The address has a % that begins no character.");
  }
}

/**
 * The elements of a view; `state` is the newest, and `refresh` draws the view again after a change. `look` is `read` for what is
 * drawn now: it throws if a later drawing has begun.
 */
export async function viewOf(path, query, state, { look, mute, refresh }) {
  const end = query.get("end");
  const page = { link, change: changeAll, read, post, refresh }; // what a view that changes itself may use
  const [kind, name = ""] = partsOf(path);
  if (kind === "boards" && name) {
    const board = await look("board", { name, range: query.get("range"), end });
    await (plotly ??= loadPlotly());
    const [heading, when, grid] = boardView(board, (href) => link(href.slice(1)));
    return { elements: [heading, when, grid], after: () => drawCharts(grid, board) };
  }
  if (kind === "alarms" && name) {
    const alarm = await look("alarm", { name, end });
    return { elements: alarmView(alarm, end ?? state.now, state.boards, link, mute) };
  }
  if (kind === "alarms") {
    const past = end ? await look("state", { end }) : state;
    return { elements: alarmsView(past, Object.fromEntries(query), link, change) };
  }
  if (kind === "system" && name) return { elements: partView(await look("part", { name, end }), end ?? state.now, link) };
  if (kind === "system") return { elements: pictureView(await look("picture", { end }), link) };
  const follow = (id) => { location.hash = link(`/follow/${encodeURIComponent(id)}`); };
  if (kind === "follow") {
    const found = await (name ? look("journey", { name }) : look("journeys"));
    return { elements: unlessDrawn(found, () => (name ? followView : followListView)(found, link, follow)), often: true };
  }
  if (kind === "changes") {
    const since = query.get("since") ?? sinceOf(query.get("range") ?? DEFAULT_RANGE, end ?? state.now);
    return { elements: changesView(await look("changes", { since, end }), link) };
  }
  if (kind === "queues") return name ? queueView(page, look, name, query) : queuesView(page, look);
  if (kind === "table") return tableView(page, look, query);
  if (kind === "api") return apiView(page, look);
  if (kind === "traces" && name) return { elements: traceView(await look("trace", { id: name }), link) };
  if (kind === "traces") {
    const filters = Object.fromEntries(query);
    const wanted = Object.fromEntries(TRACE_FILTERS.map((filter) => [filter, filters[filter]]));
    const found = await look("traces", { range: query.get("range"), end, ...wanted });
    return { elements: tracesView(found, filters, link, change), traces: found.version };
  }
  if (kind === "logs") return { elements: await logsView(query, look, link, change) };
  if (kind === "runbook") return { elements: runbookView(await look("runbook"), link) };
  return { elements: errorView("Not found", "There is no such view.") };
}

/** The elements that show this, which are those of before if nothing changed: a link that is drawn again loses its click. */
function unlessDrawn(found, draw) {
  const key = location.hash + JSON.stringify(found);
  if (drawn.key !== key) drawn = { key, elements: draw() };
  return drawn.elements;
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

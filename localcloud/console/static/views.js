// The views: each takes data and returns elements. Text becomes text nodes; markup comes escaped from the server.

export const STATES = { ALARM: "In alarm", INSUFFICIENT_DATA: "Insufficient data", OK: "OK" };
const SEVERITIES = ["P1", "P2", "P3"];

/** An element; properties that are functions are listeners, and those that are null are left out. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** An element with markup that the server has escaped. */
function withMarkup(tag, properties, markup) {
  const made = element(tag, properties);
  made.innerHTML = markup;
  return made;
}

export function shortTime(text) {
  return text.replace("T", " ").replace("Z", "");
}

export function timeOf(text) {
  return element("time", { datetime: text }, `${shortTime(text)} UTC`);
}

/** How long ago, in words. */
export function duration(from, to) {
  const minutes = Math.floor((Date.parse(to) - Date.parse(from)) / 60000);
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} days`;
}

/** What the names of all alarms begin with: project and stack. */
export function shortName(name) {
  return name.replace(/^([^-]+-[^-]+-[^-]+)-(?=.)/, "");
}

/** The names of boards, short where that is not ambiguous. */
export function boardNames(names) {
  const short = names.map(shortName);
  return new Set(short).size === names.length ? short : names;
}

export function tile(alarm, end, link) {
  const since = alarm.since ? ` for ${duration(alarm.since, end)}` : "";
  return element("li", {},
    element("a", { class: `alarm is-${alarm.state}`, href: link(`/alarms/${encodeURIComponent(alarm.name)}`), title: alarm.name },
      element("b", {}, shortName(alarm.name)),
      alarm.severity ? element("span", { class: "tag" }, alarm.severity) : null,
      alarm.muted ? element("span", { class: "tag" }, "muted") : null,
      `${STATES[alarm.state]}${since}`));
}

const order = Object.keys(STATES);
export function byUrgency(one, other) {
  const severity = (alarm) => (alarm.severity ? SEVERITIES.indexOf(alarm.severity) : SEVERITIES.length);
  return order.indexOf(one.state) - order.indexOf(other.state) || severity(one) - severity(other) || one.name.localeCompare(other.name);
}

export function alarmsView(state, filters, link, setFilter) {
  const wanted = state.alarms.filter((alarm) =>
    (!filters.state || alarm.state === filters.state)
    && (!filters.severity || (alarm.severity ?? "none") === filters.severity)
    && (!filters.text || alarm.name.toLowerCase().includes(filters.text.toLowerCase())));
  const choice = (name, label, options) => element("label", {}, label,
    element("select", { name, change: (event) => setFilter(name, event.target.value) },
      [["", "All"], ...options].map(([value, text]) => element("option", { value, selected: filters[name] === value }, text))));
  const firing = state.alarms.filter((alarm) => alarm.state === "ALARM").length;
  const waiting = state.alarms.filter((alarm) => !alarm.counts).length;
  return [
    element("h1", { tabindex: "-1" }, "Alarms"),
    element("p", {}, `${firing} of ${state.alarms.length} alarms ${firing === 1 ? "is" : "are"} in alarm.`,
      waiting ? ` ${waiting} ${waiting === 1 ? "is" : "are"} not evaluated yet: what they read has not settled.` : ""),
    element("div", { class: "filters", role: "search", "aria-label": "Filter alarms" },
      choice("state", "State", Object.entries(STATES)),
      choice("severity", "Notifies", [...SEVERITIES.map((name) => [name, name]), ["none", "nobody"]]),
      element("label", {}, "Name contains",
        element("input", { type: "search", name: "text", value: filters.text ?? "", change: (event) => setFilter("text", event.target.value) }))),
    wanted.length ? element("ul", { class: "alarms" }, wanted.sort(byUrgency).map((alarm) => tile(alarm, state.end, link)))
      : element("p", {}, state.alarms.length ? "No alarm matches the filters." : "No alarm exists yet. Deploy a stack."),
  ];
}

function changeList(changes, link, named) {
  if (!changes.length) return element("p", {}, "Nothing changed.");
  return element("ul", { class: "changes" }, changes.map((change) => element("li", {},
    timeOf(change.at),
    named ? element("a", { href: link(`/alarms/${encodeURIComponent(change.alarm)}`) }, shortName(change.alarm)) : null,
    element("span", { class: change.state ? `state-${change.state}` : "", title: change.summary }, change.text))));
}

function commandsHere() {
  return element("p", { class: "when" }, "For its commands to reach this cloud: ", element("code", {}, 'eval "$(python -m localcloud env)"'));
}

function runbookOf(markup, link) {
  const made = withMarkup("div", {}, markup);
  for (const anchor of made.querySelectorAll('a[href^="#/"]')) anchor.setAttribute("href", link(anchor.getAttribute("href").slice(1)));
  // Long commands scroll; that must be possible by keyboard too.
  for (const command of made.querySelectorAll("pre")) {
    command.setAttribute("tabindex", "0");
    command.setAttribute("role", "region");
    command.setAttribute("aria-label", "Command");
  }
  return made;
}

/** The description, whose links lead to the AWS console and to the published runbook: to what is here instead. */
function describe(alarm, boards, link) {
  return alarm.description.split("\n").flatMap((line) => {
    const board = /^Board: .*#dashboards\/dashboard\/([\w-]+)$/.exec(line)?.[1];
    if (boards.includes(board)) return ["Board: ", element("a", { href: link(`/boards/${encodeURIComponent(board)}`) }, board), "\n"];
    return [alarm.runbook ? line.replace(/Runbook: \S+$/, "Runbook: below") : line, "\n"];
  });
}

export function alarmView(alarm, end, existing, link, mute) {
  const names = (title, list) => list.length ? element("p", {}, `${title}: `,
    list.flatMap(({ name, state }, at) => [at ? ", " : "",
      element("a", { href: link(`/alarms/${encodeURIComponent(name)}`) }, shortName(name)),
      " (", element("span", { class: `state-${state}` }, STATES[state]), ")"])) : null;
  const boards = alarm.boards.flatMap((name, at) => [at ? ", " : "", element("a", { href: link(`/boards/${encodeURIComponent(name)}`) }, name)]);
  return [
    element("h1", { tabindex: "-1" }, alarm.name),
    element("section", { class: "panel", "aria-label": "State" },
      element("p", {}, element("span", { class: `state-${alarm.state}` }, STATES[alarm.state]),
        alarm.since ? [" since ", timeOf(alarm.since), ` (${duration(alarm.since, end)})`] : "",
        alarm.severity ? ` · notifies ${alarm.severity}` : " · notifies nobody", alarm.muted ? " · muted" : ""),
      element("p", {}, alarm.reason),
      element("p", { class: "description" }, describe(alarm, existing, link)),
      names("Reads", alarm.parts), names("Read by", alarm.partOf),
      alarm.about.length ? element("p", {}, "In the system: ", alarm.about.flatMap(({ id, title }, at) =>
        [at ? ", " : "", element("a", { href: link(`/system/${id}`) }, title)])) : null,
      boards.length ? element("p", {}, "Boards: ", boards) : null,
      element("p", {}, element("button", { type: "button", id: "mute", "aria-pressed": String(alarm.muted), click: () => mute(alarm.name, !alarm.muted) },
        alarm.muted ? "Unmute: notify again" : "Mute: notify nobody"))),
    alarm.runbook ? element("section", { class: "panel runbook", "aria-label": "Runbook" },
      element("h2", {}, "Runbook"), commandsHere(), runbookOf(alarm.runbook, link)) : null,
    element("section", { class: "panel", "aria-label": "History" }, element("h2", {}, "History"), changeList(alarm.history, link, false)),
  ];
}

export function runbookView(found, link) {
  return [
    element("h1", { tabindex: "-1" }, "Runbook"),
    element("section", { class: "panel runbook", "aria-label": "Whichever alarm fires" }, commandsHere(), runbookOf(found.top, link)),
    element("section", { class: "panel", "aria-label": "Alarms" }, element("h2", {}, "Alarms with a section"),
      element("ul", {}, found.alarms.map((name) => element("li", {},
        element("a", { href: link(`/alarms/${encodeURIComponent(name)}`) }, shortName(name)))))),
  ];
}

export function changesView(found, link) {
  // A deployment makes one of each alarm, and nobody has to read them.
  const first = new Set(found.changes.filter((change) => change.isFirst).map((change) => `${change.at} ${change.alarm}`));
  const isFirst = (change) => first.has(`${change.at} ${change.alarm}`) && change.state !== "ALARM";
  const folded = found.changes.filter(isFirst);
  const more = found.count > found.changes.length ? ` The newest ${found.changes.length} are shown.` : "";
  return [
    element("h1", { tabindex: "-1" }, "Changes"),
    element("p", {}, `${found.count} ${found.count === 1 ? "change" : "changes"} of alarms, and notifications, from `, timeOf(found.since), " to ", timeOf(found.end), `.${more}`),
    element("section", { class: "panel", "aria-label": "Changes" }, changeList(found.changes.filter((change) => !isFirst(change)), link, true),
      folded.length ? element("details", {},
        element("summary", {}, `${folded.length} more: alarms that became OK when their data sufficed, and who was notified of it`),
        changeList(folded, link, true)) : null),
  ];
}

export function boardView(board, contextual) {
  const grid = withMarkup("div", { class: "grid", style: `grid-template-rows: ${board.rowHeights}` }, board.markup);
  for (const anchor of grid.querySelectorAll('a[href^="#/"]')) anchor.setAttribute("href", contextual(anchor.getAttribute("href")));
  for (const chart of grid.querySelectorAll(".chart")) {
    chart.setAttribute("role", "img");
    chart.setAttribute("aria-label", `Graph: ${chart.parentElement.querySelector("h3")?.textContent ?? "untitled"}`);
  }
  const since = board.measuredSince ? [" The cloud has measured since ", timeOf(board.measuredSince), ": a figure of 30 days covers no more than that."] : "";
  return [
    // Most boards begin with a heading of their own.
    element("h1", { tabindex: "-1", class: grid.querySelector("h1") ? "unseen" : null }, board.name),
    element("p", { class: "when" }, "Minutes until ", timeOf(board.end), ".", since),
    grid,
  ];
}

/** Draw the graphs that are on the screen now, and each of the others when it comes near. */
export function drawCharts(grid, board) {
  const draw = (chart) => {
    const figure = board.figures[chart.id.replace("chart", "")];
    Plotly.newPlot(chart, figure.data, figure.layout, { ...figure.config, staticPlot: false, displayModeBar: false });
  };
  const later = new IntersectionObserver((entries) => {
    for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
      later.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "300px" });
  for (const chart of grid.querySelectorAll(".chart")) {
    const { top, bottom } = chart.getBoundingClientRect();
    if (top < innerHeight && bottom > 0) draw(chart);
    else later.observe(chart);
  }
}

export function errorView(title, sentence) {
  return [element("h1", { tabindex: "-1" }, title), element("section", { class: "panel error", role: "alert" }, sentence)];
}

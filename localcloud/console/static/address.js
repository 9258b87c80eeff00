// The address, which holds everything that is shown: the view, its filters, the range, and the end of it while paused;
// and requests to the cloud.

export const BASE = "/_console";
export const RANGES = { PT15M: "15 minutes", PT1H: "1 hour", PT3H: "3 hours", PT12H: "12 hours", P1D: "1 day", P7D: "7 days" };
export const DEFAULT_RANGE = "PT3H";
const CONTEXT = ["range", "end"]; // what every link keeps
/** What the page was made with. */
export const setting = (name) => document.querySelector(`meta[name="${name}"]`).content;
const token = setting("console-token");

export function address() {
  const [path, ...parts] = location.hash.slice(1).split("?");
  return { path: path || "/alarms", query: new URLSearchParams(parts.join("?")), whole: location.hash || "#/alarms" };
}

/** A link to a path, which may have parameters of its own, with range and end of what is shown. */
export function link(path, more = {}) {
  const { query } = address();
  const [view, given = ""] = path.split("?", 2);
  const kept = new URLSearchParams(given);
  for (const name of CONTEXT) if (query.get(name)) kept.set(name, query.get(name));
  for (const [name, value] of Object.entries(more)) if (value) kept.set(name, value);
  const text = kept.toString();
  return `#${view}${text ? `?${text}` : ""}`;
}

export function change(name, value) {
  changeAll({ [name]: value });
}

export function changeAll(values) {
  const { path, query } = address();
  for (const [name, value] of Object.entries(values)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  location.hash = `${path}${text ? `?${text}` : ""}`;
}

export async function read(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value);
  const response = await fetch(`${BASE}/${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`);
  const value = await response.json();
  if (!response.ok) throw new Error(value.error);
  return value;
}

export async function post(path, value) {
  const response = await fetch(`${BASE}/${path}`, {
    method: "POST", headers: { "Content-Type": "application/json", "X-Console-Token": token }, body: JSON.stringify(value),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

/** The view of an address, without what is after it. */
export function viewPart(hash) {
  return hash.split("?", 1)[0];
}

/** The beginning of a range that ends then. */
export function sinceOf(text, end) {
  const [, number, unit] = /^PT?(\d+)([MHD])$/.exec(text) ?? [null, "3", "H"];
  const length = Number(number) * { M: 60000, H: 3600000, D: 86400000 }[unit];
  return `${new Date(Date.parse(end) - length).toISOString().slice(0, 19)}Z`;
}

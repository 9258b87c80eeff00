// The items of the table. A look is no request to DynamoDB.

import { element } from "./views.js";
import { field, keyed, longText, personal, say } from "./forms.js";

let view = null;

export async function tableView(page, look, query) {
  const found = await look("items", { name: query.get("table"), key: query.get("key"), after: query.get("after") });
  view ??= new TablePage(page);
  view.update(found, query);
  return { elements: view.elements, often: true };
}

class TablePage {
  constructor(page) {
    this.page = page;
    const change = (name) => (event) => page.change({ key: "", after: "", [name]: event.target.value });
    this.table = element("select", { name: "table", change: change("table") });
    this.key = element("input", { type: "search", name: "key", autocomplete: "off", spellcheck: "false", change: change("key") });
    this.keyLabel = element("span", {}, "Key");
    this.found = element("p", { role: "status" });
    this.list = element("ul", { class: "records", "aria-label": "Items" });
    this.pages = element("p", { class: "buttons" });
    this.elements = [
      element("h1", { tabindex: "-1" }, "Table"),
      personal("Items name users, and what they logged in to. No log, trace or board does."),
      element("p", { class: "when" }, "Tables have no past: this is how they are now. Looks of this page are no requests, and no metric counts them."),
      element("div", { class: "filters", role: "search", "aria-label": "Filter items" },
        field("Table", this.table), field(this.keyLabel, this.key)),
      this.found, this.list, this.pages,
    ];
  }

  update(found, query) {
    keyed(this.table, found.tables, (name) => name, (name) => element("option", { value: name }, name), () => {});
    this.table.value = found.name ?? "";
    say(this.keyLabel, found.key ? `${found.key} is exactly` : "Key");
    const key = query.get("key");
    if (document.activeElement !== this.key) this.key.value = key ?? "";
    const items = `${found.count} ${found.count === 1 ? "item" : "items"}`;
    const shown = key ? (found.items.length ? "" : ` None has the key ${key}.`)
      : found.items.length < found.count ? ` ${found.items.length} are shown, in the order of their keys.` : "";
    say(this.found, found.name ? `The table has ${items}.${shown}` : "No table exists yet. Deploy a stack.");
    // An item that changed is another: it is drawn again.
    keyed(this.list, found.items, (item) => JSON.stringify(item), (item) => this.make(item), () => {});
    const next = found.next ? [[this.page.link("/table", { table: query.get("table"), after: found.next }), "Next items"]] : [];
    const first = query.get("after") ? [[this.page.link("/table", { table: query.get("table") }), "First items"]] : [];
    keyed(this.pages, [...first, ...next], ([, text]) => text, ([, text]) => element("a", {}, text), (anchor, [href]) => anchor.setAttribute("href", href));
  }

  make(item) {
    if (!item.attributes) {
      return element("li", {}, element("a", { href: this.page.link("/table", { table: this.table.value, key: item.key }) }, item.key),
        `: ${item.size} characters, shown alone`);
    }
    const lists = Object.values(item.attributes).filter(Array.isArray);
    const entries = lists.reduce((sum, list) => sum + list.length, 0);
    return element("li", {}, element("details", {},
      element("summary", {}, `${item.key}${lists.length ? ` · ${entries} ${entries === 1 ? "entry" : "entries"}` : ""}`),
      Object.entries(item.attributes).map(([name, value]) => element("div", {}, element("b", {}, name), valueOf(name, value)))));
  }
}

/** A list of maps as a table, anything else as JSON. */
function valueOf(name, value) {
  const rows = Array.isArray(value) && value.length && value.every((row) => row && typeof row === "object" && !Array.isArray(row)) ? value : null;
  if (!rows) return longText(name, typeof value === "string" ? value : JSON.stringify(value, null, 2));
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (content) => (typeof content === "string" ? content : JSON.stringify(content) ?? "");
  return element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": name }, element("table", {},
    element("thead", {}, element("tr", {}, columns.map((column) => element("th", { scope: "col" }, column)))),
    element("tbody", {}, rows.map((row) => element("tr", {}, columns.map((column) => element("td", {}, cell(row[column]))))))));
}

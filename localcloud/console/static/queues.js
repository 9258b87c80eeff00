// The queues, and the messages of one of them. A look is no receive.

import { element } from "./views.js";
import { DeadLetters } from "./dead_letters.js";
import { alertPlace, attempt, field, keyed, longText, pairs, personal, say } from "./forms.js";
import { sendSection } from "./send.js";

const PLACES = ["waiting", "in flight", "delayed"];
const NOW = "Queues have no past: this is how they are now. Looks of this page are no receives, and no metric counts them.";
const PREVIEW = 100;
let overview = null;
let shownQueue = null;

function age(seconds) {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

function counts({ waiting, inFlight, delayed, ageSeconds }) {
  const oldest = waiting + inFlight + delayed ? `; the oldest for ${age(ageSeconds)}` : "";
  return `${waiting} waiting, ${inFlight} in flight, ${delayed} delayed${oldest}`;
}

function timeOfDay(text) {
  return `${text.slice(0, 19).replace("T", " ")} UTC`;
}

function role(queue) {
  if (queue.isForEvents) return "events";
  return queue.sources.length ? `dead letters of ${queue.sources.join(", ")}` : "";
}

/** All queues, and the form that sends an event. */
export async function queuesView(page, look) {
  overview ??= new Overview(page);
  overview.update(await look("queues"));
  return { elements: overview.elements, often: true };
}

class Overview {
  constructor(page) {
    this.page = page;
    this.none = element("p", {}, "No queue exists yet. Deploy a stack.");
    this.list = element("ul", { class: "alarms", "aria-label": "Queues" });
    this.elements = [element("h1", { tabindex: "-1" }, "Queues"), element("p", { class: "when" }, NOW), this.none, this.list, sendSection(page)];
  }

  update({ queues }) {
    this.none.hidden = queues.length > 0;
    keyed(this.list, queues, ({ name }) => name, ({ name }) => element("li", {},
      element("a", { class: "alarm" }, element("b", {}, name), element("span", { class: "tag" }), element("span", {}))),
    (row, queue) => {
      const [anchor] = row.children;
      const [, tag, text] = anchor.children;
      anchor.setAttribute("href", this.page.link(`/queues/${encodeURIComponent(queue.name)}`));
      tag.hidden = !role(queue);
      say(tag, role(queue));
      say(text, counts(queue));
    });
  }
}

/** The messages of a queue, of which the address says place, text and the first. */
export async function queueView(page, look, name, query) {
  const found = await look("queue", {
    name, place: query.get("place"), text: query.get("text"), start: query.get("start"),
  });
  if (shownQueue?.name !== name) shownQueue = new QueuePage(page, name);
  shownQueue.update(found, query);
  return { elements: shownQueue.elements, often: true };
}

class QueuePage {
  constructor(page, name) {
    Object.assign(this, { page, name });
    this.summary = element("p", {});
    this.letters = new DeadLetters(page);
    const filter = (key) => (event) => page.change({ [key]: event.target.value, start: "" });
    this.place = element("select", { name: "place", change: filter("place") },
      [["", "Everywhere"], ...PLACES.map((place) => [place, place])].map(([value, text]) => element("option", { value }, text)));
    this.text = element("input", { type: "search", name: "text", change: filter("text") });
    this.found = element("p", { role: "status" });
    this.list = element("ul", { class: "records", "aria-label": "Messages" });
    this.pages = element("p", { class: "buttons" });
    this.elements = [
      element("h1", { tabindex: "-1" }, name),
      personal("Bodies and attributes of messages name users. No log, trace or board does."),
      element("p", { class: "when" }, NOW), this.summary, this.letters.element, this.letters.run.element,
      element("div", { class: "filters", role: "search", "aria-label": "Filter messages" },
        field("Place", this.place), field("Body or ID contains", this.text)),
      this.found, this.list, this.pages,
    ];
  }

  update(found, query) {
    const { queue } = found;
    const receives = queue.deadLetterQueue ? ` After ${queue.maxReceiveCount} receives, a message moves to ${queue.deadLetterQueue}.` : "";
    say(this.summary, `${counts(queue)}.${receives}`);
    this.isDead = queue.sources.length > 0;
    this.letters.element.hidden = !this.isDead;
    this.letters.update(found);
    this.letters.run.element.hidden ||= !this.isDead;
    this.place.value = query.get("place") ?? "";
    if (document.activeElement !== this.text) this.text.value = query.get("text") ?? "";
    const { start, messages } = found;
    say(this.found, messages.length ? `Messages ${start + 1} to ${start + messages.length} of ${found.found}.`
      : found.found ? `There are ${found.found} messages, and none from ${start + 1} on.` : "No message.");
    keyed(this.list, messages, ({ id }) => id, (message) => this.make(message), (row, message) => this.refresh(row, message));
    this.showPages(found);
  }

  showPages({ start, next }) {
    const target = (at) => this.page.link(`/queues/${encodeURIComponent(this.name)}`,
      { place: this.place.value, text: this.text.value, start: at ? String(at) : "" });
    const links = [start ? [target(0), "First messages"] : null, next ? [target(next), "Next messages"] : null].filter(Boolean);
    keyed(this.pages, links, ([, text]) => text, ([, text]) => element("a", {}, text), (anchor, [href]) => anchor.setAttribute("href", href));
    this.pages.hidden = !links.length;
  }

  make(message) {
    const failed = alertPlace();
    const body = longText("Body", message.body);
    const whole = element("button", { type: "button", click: () => attempt(whole, failed, async () => {
      const { body: text } = await this.page.read("queue-message", { name: this.name, id: message.id });
      body.textContent = text; // as it was sent: what is wrong with it may be a space
      whole.hidden = true;
    }) }, `Show all ${message.bodyLength} characters`);
    whole.hidden = message.body.length >= message.bodyLength;
    const details = [
      pairs([["Message ID", element("a", { href: this.page.link(`/follow/${encodeURIComponent(message.id)}`) }, message.id)], ["Sent", timeOfDay(message.sentAt)], ["Place", ""], ["Receives", ""],
        ...(this.isDead ? [["Why", ""]] : []), ...Object.entries(message.system).map(([name, value]) => [name, value])]),
      body, whole, failed,
      message.attributes.length ? pairs(message.attributes.map(({ name, type, value }) => [`${name} (${type})`, value])) : null,
    ];
    const actions = this.isDead ? element("p", { class: "buttons" },
      this.letters.buttons({ id: message.id }, () => `the dead letter ${message.id}`)) : null;
    return element("li", {}, element("details", {}, element("summary", {}), details, actions));
  }

  refresh(row, message) {
    const preview = message.body.slice(0, PREVIEW) + (message.bodyLength > PREVIEW ? "…" : "");
    const receives = `${message.receives} ${message.receives === 1 ? "receive" : "receives"}`;
    const until = message.place === "waiting" ? message.place : `${message.place} until ${timeOfDay(message.visibleAt)}`;
    const parts = [message.failedAt ? `failed ${timeOfDay(message.failedAt)}` : `sent ${timeOfDay(message.sentAt)}`, until, receives, preview];
    say(row.querySelector("summary"), [message.reason, ...parts].filter(Boolean).join(" · "));
    const [, , place, count, why] = row.querySelectorAll("dd");
    say(place, until);
    say(count, String(message.receives));
    if (this.isDead) say(why, `${message.reason}: ${message.detail}`);
  }
}

// Events that are sent from the console: real traffic, as a producer sends it.

import { element, shortTime } from "./views.js";
import { alertPlace, attempt, field, longText } from "./forms.js";

const SENT_MAX = 20;

/** A section with the two forms, and what was sent. */
export function sendSection(page) {
  const input = (name, more = {}) => element("input", { name, autocomplete: "off", spellcheck: "false", ...more });
  const user = input("user", { required: true });
  const service = input("service", { required: true });
  const title = input("service-name", { placeholder: "the service's ID" });
  const time = input("timestamp", { placeholder: "now" });
  const raw = element("textarea", { name: "raw", rows: "4", spellcheck: "false", required: true });
  const failed = alertPlace();
  const sent = element("ul", { class: "changes", "aria-label": "Sent events" });
  const send = (button, body) => attempt(button, failed, async () => {
    const answer = await page.post("send", { body });
    sent.prepend(sentEvent(page, answer, body, send));
    while (sent.children.length > SENT_MAX) sent.lastChild.remove();
    page.refresh();
  });
  const form = (label, bodyOf, ...parts) => {
    const button = element("button", {}, label);
    return element("form", { class: "filters", "aria-label": label, submit: (event) => {
      event.preventDefault();
      send(button, bodyOf());
    } }, parts, button);
  };
  return element("section", { class: "panel", "aria-label": "Send an event" },
    element("h2", {}, "Send an event"),
    element("p", {}, "To the real queue: it is handled, stored and measured like any event of a producer."),
    form("Send the event", () => JSON.stringify({
      user_id: user.value,
      service_id: service.value,
      service_name: title.value || service.value,
      timestamp: time.value || `${new Date().toISOString().slice(0, 19)}Z`,
    }), field("User ID", user), field("Service ID", service), field("Service name", title), field("Timestamp", time)),
    element("details", {}, element("summary", {}, "Send a body of your own, also an invalid one"),
      form("Send the body", () => raw.value, field("Body", raw))),
    failed, sent);
}

function sentEvent(page, answer, body, send) {
  const again = element("button", { type: "button", click: () => send(again, body) }, "Send again");
  const id = element("code", {}, answer.messageId);
  return element("li", {},
    element("time", { datetime: answer.at }, `${shortTime(answer.at).slice(11)} UTC`),
    element("span", {}, "Sent as ", element("a", { href: page.link(`/follow/${answer.messageId}`) }, id)), again,
    element("details", {}, element("summary", {}, "The body"), longText("Body", body)));
}

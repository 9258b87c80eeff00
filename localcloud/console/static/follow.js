// One event followed: where its message was, and where it ended.

import { element, timeOf } from "./views.js";

const OUTCOMES = {
  handled: "handled", returned: "returned as failed: it is handed over again", failed: "the whole invocation failed: all its messages are handed over again",
  moved: "moved to the dead-letter queue", waiting: "not handed over yet",
};

function form(go) {
  const input = element("input", { type: "search", name: "message", size: "38", required: true });
  return element("form", { class: "filters", role: "search", submit: (event) => { event.preventDefault(); go(input.value.trim()); } },
    element("label", {}, "Message ID", input), element("button", {}, "Follow"));
}

export function followListView(found, link, go) {
  return [
    element("h1", { tabindex: "-1" }, "Follow one event"),
    element("p", {}, "A stored event writes no ID into any log, so AWS alone cannot tell which batch had a message. This cloud sees the batches, and joins them."),
    form(go),
    element("h2", {}, "Sent last"),
    found.messages.length ? element("ul", { class: "changes" }, found.messages.map((message) => element("li", {},
      timeOf(message.sentAt),
      element("a", { href: link(`/follow/${encodeURIComponent(message.id)}`) }, message.id), ` to ${message.queue}: `,
      message.isCopied ? "can never succeed" : OUTCOMES[message.last])))
      : element("p", {}, "No message was sent yet."),
  ];
}

function queueOf(name, link) {
  return element("a", { href: link(`/queues/${encodeURIComponent(name)}`) }, name);
}

function stepOf(step, link) {
  if (step.kind === "move") return [timeOf(step.at), element("span", {}, "Received too often: the queue moved it to ", queueOf(step.queue, link), ".")];
  return [timeOf(step.at),
    element("span", {}, `In a batch of ${step.batchSize}, handed to ${step.function}, version ${step.version}, for ${step.milliseconds} ms: `,
      element("b", { class: step.outcome === "handled" ? "state-OK" : "state-ALARM" }, OUTCOMES[step.outcome]), step.error ? ` (${step.error})` : "", "."),
    element("span", {}, "Request ", element("code", {}, step.requestId), ": ",
      element("a", { href: link("/logs", { request: step.requestId }) }, "its log lines"),
      step.trace ? [" · ", element("a", { href: link(`/traces/${encodeURIComponent(step.trace)}`) }, "its trace")] : "; it was not traced")];
}

export function followView(found, link, go) {
  const message = (id) => element("a", { href: link(`/follow/${encodeURIComponent(id)}`) }, id);
  return [
    element("h1", { tabindex: "-1" }, `Message ${found.id}`),
    element("section", { class: "panel", "aria-label": "Where it is" },
      element("p", {}, element("b", {}, found.now)),
      found.copiedTo ? element("p", {}, "The dead letter: ", message(found.copiedTo)) : null,
      found.copyOf ? element("p", {}, "It is a dead letter, a copy of ", message(found.copyOf)) : null,
      found.userId ? element("p", {}, "Its user, which is personal data: ",
        element("a", { href: link("/table", { key: found.userId }) }, found.userId)) : null),
    element("section", { class: "panel", "aria-label": "What happened" }, element("h2", {}, "What happened"),
      element("ol", { class: "changes" },
        element("li", {}, timeOf(found.sentAt), element("span", {}, "Sent to ", queueOf(found.queue, link), ".")),
        found.steps.map((step) => element("li", {}, stepOf(step, link))))),
    element("p", {}, element("a", { href: link("/follow") }, "Another event")),
  ];
}

// The API, tried as a client does: a token from the stack's token endpoint, then a request, shown with its response.

import { element, shortTime } from "./views.js";
import { alertPlace, attempt, field, longText, pairs, personal, readable, say } from "./forms.js";

const AUTHORIZATIONS = {
  token: "a token of the client",
  none: "no token",
  garbage: "something that is no token",
  expired: "a token that has expired",
};
let view = null;

export async function apiView(page, look) {
  view ??= new ApiPage(page);
  view.update(await look("clients"));
  return { elements: view.elements };
}

class ApiPage {
  constructor(page) {
    this.user = element("input", { name: "user", autocomplete: "off", spellcheck: "false" });
    this.client = element("select", { name: "client" });
    this.authorization = element("select", { name: "authorization" },
      Object.entries(AUTHORIZATIONS).map(([value, text]) => element("option", { value }, text)));
    this.failed = alertPlace();
    this.result = element("div", { "aria-live": "polite" });
    this.where = element("p", { class: "when" });
    const button = element("button", {}, "Send the request");
    this.form = element("form", { class: "filters", "aria-label": "Request", submit: (event) => {
      event.preventDefault();
      attempt(button, this.failed, async () => {
        this.result.replaceChildren();
        const answer = await page.post("try", { user: this.user.value, client: this.client.value, authorization: this.authorization.value });
        this.result.replaceChildren(...answer.exchanges.map((exchange) => exchangeOf(exchange, answer.at)));
      });
    } }, field("User ID", this.user), field("Client", this.client), field("With", this.authorization), button);
    this.elements = [
      element("h1", { tabindex: "-1" }, "Try the API"),
      personal("A response names what a user logged in to. No log, trace or board does."),
      element("p", {}, "Requests are real: the API authorizes, limits, logs and measures them like those of any client."),
      this.where, this.form, this.failed, this.result,
    ];
  }

  update({ clients = null, apiUrl = "" }) {
    this.form.hidden = !clients;
    say(this.where, clients ? `GET ${apiUrl}/users/{user_id}/services`
      : "The console knows no stack here. If the Pulumi CLI deployed one, use: python -m ops query --stack local");
    const known = [...this.client.options].map((option) => option.value);
    if (clients && known.join() !== clients.join()) this.client.replaceChildren(...clients.map((name) => element("option", { value: name }, name)));
  }
}

function exchangeOf(exchange, at) {
  return element("section", { class: "panel", "aria-label": exchange.party },
    element("h2", {}, exchange.party),
    element("p", {}, element("code", {}, `${exchange.method} ${exchange.url}`)),
    pairs(exchange.sent),
    element("p", {}, element("strong", {}, `${exchange.status} ${exchange.reason}`),
      ` after ${exchange.milliseconds} ms, ${shortTime(at).slice(11)} UTC`),
    longText(`Response of the ${exchange.party}`, readable(exchange.body)),
    element("details", {}, element("summary", {}, "Headers of the response"), pairs(exchange.received)));
}

// What the views with forms share. Such a view is built once and then changes itself, so that nothing typed is lost.

import { element } from "./views.js";

/** A field with its label. */
export function field(label, input) {
  return element("label", {}, label, input);
}

/** Say that a page shows personal data, and what about it. */
export function personal(sentence) {
  return element("p", { class: "personal" }, element("strong", {}, "Personal data. "), sentence);
}

/** Text that may be long: it scrolls, also by keyboard. */
export function longText(label, text = "") {
  return element("pre", { tabindex: "0", role: "region", "aria-label": label }, text);
}

/** Names and values in two columns. */
export function pairs(entries) {
  return element("dl", { class: "pairs" }, entries.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

/** JSON, readable; any other text as it is. */
export function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/**
 * Let the children of a list be those of the items, by key. Elements that stay are not touched: they keep focus, selection and
 * whether they are open. `make` returns an element, and `update` is given that and the item.
 */
export function keyed(list, items, keyOf, make, update) {
  const known = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const keys = new Set(items.map(keyOf));
  for (const [key, child] of known) {
    if (keys.has(key)) continue;
    if (child.contains(document.activeElement)) document.querySelector("main h1")?.focus({ preventScroll: true });
    child.remove();
  }
  items.forEach((item, at) => {
    const key = keyOf(item);
    let child = known.get(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    if (list.children[at] !== child) list.insertBefore(child, list.children[at] ?? null);
    update(child, item);
  });
}

/** Set a text only if it differs, so that a screen reader does not say it again. */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** A place for what went wrong with a form. */
export function alertPlace() {
  return element("p", { class: "failed", role: "alert", hidden: true });
}

/** Do what a form or button is for: once at a time, and with its error beside it. */
export async function attempt(button, place, action) {
  place.hidden = true;
  button.setAttribute("aria-busy", "true");
  if (button.dataset.busy) return;
  button.dataset.busy = "yes";
  try {
    await action();
  } catch (error) {
    place.textContent = error instanceof TypeError ? "The cloud cannot be reached." : error.message;
    place.hidden = false;
  } finally {
    delete button.dataset.busy;
    button.removeAttribute("aria-busy");
  }
}

/** Ask before something that cannot be undone; whether the user wants it. */
export function confirmed(title, sentences, action) {
  const dialog = element("dialog", { "aria-labelledby": "question" },
    element("h2", { id: "question" }, title),
    sentences.map((sentence) => element("p", {}, sentence)),
    element("p", { class: "buttons" },
      element("button", { type: "button", click: () => dialog.close() }, "Cancel"),
      element("button", { type: "button", class: "strong", click: () => dialog.close("yes") }, action)));
  const asked = document.activeElement;
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => {
    dialog.remove();
    if (asked?.isConnected) asked.focus();
    resolve(dialog.returnValue === "yes");
  }));
}

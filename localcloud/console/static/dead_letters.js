// Redrive and discard: by the operator's command line, which the console starts and whose output it shows.

import { element, shortTime } from "./views.js";
import { alertPlace, attempt, confirmed, keyed, longText, say } from "./forms.js";

const DO = {
  redrive: {
    label: "Redrive",
    sentences: ["What goes back is as its producer sent it, gets a new message ID, and is handled again."],
  },
  discard: {
    label: "Discard",
    sentences: ["Before anything is deleted, it is copied to a file in .localcloud/kept, which only you can read."],
  },
};

/** What concerns all dead letters of a queue, and the command that runs. `update` is given what the server says. */
export class DeadLetters {
  constructor(page) {
    this.page = page;
    this.failed = alertPlace();
    this.force = element("input", { type: "checkbox", name: "force" });
    this.all = element("p", { class: "buttons" }, this.buttons({ all: true }, () => `all ${this.total} dead letters`, " all"));
    this.reasons = element("ul", { class: "changes", "aria-label": "Reasons" });
    this.none = element("p", {}, "There are no dead letters.");
    this.element = element("section", { class: "panel", "aria-label": "Dead letters" },
      element("h2", {}, "Dead letters"),
      element("p", { class: "when" }, "Each look of ", element("code", {}, "python -m ops dead-letters"),
        " counts as a receive; a look at this page does not. Redrive and discard are that command."),
      this.none, this.reasons, this.all,
      element("label", { class: "choice" }, this.force, " Redrive also what violates the contract (--force)"),
      this.failed);
    this.run = new CommandRun(page);
  }

  /** A button for each action on a selection. */
  buttons(selection, named, suffix = "") {
    return Object.entries(DO).map(([action, { label, sentences }]) => {
      const button = element("button", { type: "button", click: () => attempt(button, this.failed, async () => {
        const force = action === "redrive" && this.force.checked;
        if (!await confirmed(`${label} ${named()}?`, sentences, label)) return;
        await this.page.post("dead-letters", { action, ...selection, ...(force ? { force } : {}) });
        await this.page.refresh();
      }) }, label + suffix);
      return button;
    });
  }

  update(found) {
    this.total = found.reasons.reduce((sum, { count }) => sum + count, 0);
    this.none.hidden = this.total > 0;
    this.all.hidden = this.total === 0;
    keyed(this.reasons, found.reasons, ({ reason }) => reason, ({ reason }) => element("li", {},
      element("span", {}), this.buttons({ reason }, () => `the dead letters with reason ${reason}`)),
    (row, { reason, count, oldest }) => say(row.firstChild, `${count} ${reason}, the oldest sent ${shortTime(oldest)} UTC`));
    this.run.update(found.run);
  }
}

/** The command that runs or ran last. */
class CommandRun {
  constructor(page) {
    this.failed = alertPlace();
    this.command = element("code", {});
    this.state = element("p", { role: "status" });
    this.output = longText("Output of the command");
    this.stop = element("button", { type: "button", click: () => attempt(this.stop, this.failed, async () => {
      await page.post("stop", {});
      await page.refresh();
    }) }, "Stop the command");
    this.element = element("section", { class: "panel", "aria-label": "Command", hidden: true },
      element("h2", {}, "The operator's command"), element("p", {}, this.command), this.output, this.state, this.stop, this.failed);
  }

  update(run) {
    this.element.hidden = !run;
    if (!run) return;
    say(this.command, run.command);
    say(this.output, run.lines.join("\n"));
    this.output.hidden = run.lines.length === 0;
    this.stop.hidden = run.ended !== null;
    this.element.classList.toggle("error", run.ended !== null && !run.ok);
    say(this.state, run.ended === null ? `It runs, since ${shortTime(run.began).slice(11)} UTC.`
      : `${run.end} Ended ${shortTime(run.ended).slice(11)} UTC.`);
  }
}

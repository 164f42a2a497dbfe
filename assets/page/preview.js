// What a step would change, looked up in the world when a reader asks: as the driver sees it before the step starts.

import { el, isBusy, mayStart, words } from "./elements.js";
import { moment } from "./figures.js";

const ANSWER_MS = 15000;
const VERBS = {
  create: ["good", "+ create"], change: ["you", "~ change"], remove: ["bad", "− remove"], keep: ["", "= keep"],
};
const STANDS = { holds: ["good", "✓ go"], waits: ["you", "… waits"], fails: ["bad", "✗ no go"] };

const looks = new Map();

/** What is known of a step: nothing, that it is asked for, why it could not be looked up, or what it would change. */
export const look = (id) => looks.get(id) ?? null;

function keep(id, known) {
  looks.set(id, known);
  // For who does not see the page; the panel itself is drawn anew each time.
  if (known.preview) document.getElementById("spoken").textContent = `${id} was looked at: it would make ${known.preview.changes.length} changes`;
  if (known.failure) document.getElementById("spoken").textContent = `${id} could not be looked at: ${known.failure.what}`;
  document.dispatchEvent(new Event("looked"));
}

async function ask(id) {
  keep(id, { asking: true });
  try {
    const answer = await fetch(`/previews/${encodeURIComponent(id)}`, { signal: AbortSignal.timeout(ANSWER_MS) });
    // A look that takes longer than an answer may goes on, and is ready the next time.
    const said = await answer.json().catch(() => ({ what: "it takes a while", next: "ask again in a moment" }));
    keep(id, answer.ok ? said : { failure: said });
  } catch {
    keep(id, { failure: { what: "it could not be looked up: the engine's machine did not answer", next: "ask again" } });
  }
}

/** The look ahead of a step that has not begun: its button, and what was found. */
export function ahead(step, view) {
  if (!mayStart(step)) {
    looks.delete(step.id);
    return [];
  }
  const known = look(step.id);
  const busy = isBusy(view);
  const says = known?.asking ? "Looking …" : known ? "Look again" : "Look at what it would change";
  const button = el("button", { type: "button", "data-key": `look ${step.id}` }, says);
  // It keeps the focus: a button that is off has none.
  button.setAttribute("aria-disabled", String(busy || Boolean(known?.asking)));
  button.addEventListener("click", () => button.getAttribute("aria-disabled") === "true" || ask(step.id));
  const why = busy ? el("span", { class: "quiet" }, "once no step is under way") : null;
  return [el("div", { class: "buttons" }, button, why), ...found(known, step)];
}

function found(known, { gate }) {
  if (!known || known.asking) return [];
  const { failure, preview } = known;
  if (failure) {
    return [el("div", { class: "failure" }, ...words(failure).map((text) => el("p", {}, text)))];
  }
  return [
    el("h3", {}, `What it would change, looked up ${moment(known.at)}`),
    ...lines(preview.changes, ({ verb, object, detail }) => line(VERBS[verb], object, detail ?? [])),
    preview.changes.length ? null : el("p", {}, "Nothing."),
    ...lines(preview.warnings, (text) => line(["you", "! know"], text, [])),
    ...lines(preview.accepts, ({ what, phrase }) =>
      line(["bad", "! risk"], what, [phrase ? `accepted by typing “${phrase}”` : "the runbook has no phrase to accept it"])),
    ...lines(preview.conditions ?? [], ({ what, value, limit, stands, fix }) =>
      line(STANDS[stands], what, [`${value}${limit ? `, limit ${limit}` : ""}`, fix].filter(Boolean))),
    ...lines([...preview.identities, ...preview.settings, ...preview.figures], ([name, value]) => line(["", name], value, [])),
    el("p", {}, `Taking it back: ${preview.undo}.`),
    gate.approval && el("p", { class: "quiet" }, "Who approves signs its digest, ", el("code", {}, known.digest.slice(0, 12)),
      "…, which ", el("code", {}, "cutover approve"), " works out by itself."),
  ];
}

const lines = (all, draw) => (all.length ? [el("ul", { class: "lines ahead" }, ...all.map(draw))] : []);

function line([tone, sign], what, detail) {
  return el("li", {}, el("span", { class: `state ${tone}` }, sign),
    el("span", { class: "what" }, what, ...detail.map((text) => el("span", { class: "quiet detail" }, text))));
}

// One step: what it waits for, what it does, what was looked at, and what undoing it takes.

import { amount, moment, origin, seconds } from "./figures.js";
import { el, mayStart, status } from "./elements.js";
import { ahead } from "./preview.js";

const PARTS = {
  doing: ["running", "● doing"], done: ["good", "✓ done"], not_done: ["", "⋅ not done"],
  undoing: ["running", "↶ undoing"], undone: ["", "↶ undone"],
};
const VERDICTS = { passed: ["good", "✓"], failed: ["bad", "✗"], noted: ["", "·"] };

/** The panel of a step. */
export function panel(step, view) {
  const mark = status(step);
  const attempt = step.attempt > 1 ? `, attempt ${step.attempt}` : "";
  const took = step.took_s == null ? "" : `, ${seconds(step.took_s)}`;
  return [
    el("h2", {}, step.id, " ", el("span", { class: `state ${mark.tone}` }, `${mark.sign} ${mark.says}`)),
    el("p", { class: "quiet" }, `${step.action}, ${step.owner} answers for it${attempt}${took}`),
    ...gate(step, view),
    ...ahead(step, view),
    ...failure(step),
    ...step.meters.map(meter),
    ...list("What it does", step.parts, part),
    ...list("What was looked at", step.checks, check),
    ...list("What it tells later steps", step.outputs, ([name, value]) => el("li", {}, el("strong", {}, name), `: ${value}`)),
    ...companion(step.companion),
    el("p", { class: "quiet" }, undo(step.undo)),
  ];
}

function list(title, all, draw) {
  return all.length ? [el("h3", {}, title), el("ul", { class: "lines" }, ...all.map(draw))] : [];
}

/** What has to be given before it starts. */
function gate(step, view) {
  if (!mayStart(step)) return [];
  const { gate } = step;
  const wants = [];
  if (gate.phrase) wants.push(`the driver types “${gate.phrase}”`);
  else if (gate.confirm) wants.push("the driver confirms it");
  if (gate.window) wants.push(`it is between ${moment(gate.window.from)} and ${moment(gate.window.to)}`);
  if (gate.approval) {
    const by = gate.approved.map(({ by, expires }) => `${by}, until ${moment(expires)}`).join("; ");
    const who = gate.approvers.length ? `nobody has yet: ${gate.approvers.join(", ")}` : "nobody has yet";
    wants.push(`somebody who is ${gate.approval} signs its preview (${by ? `signed by ${by}` : who})`);
  }
  if (view.hands.length) wants.push("raised hands are answered");
  return wants.length ? [el("p", {}, `It starts when ${wants.join(", and ")}.`)] : [];
}

function failure({ failure, choices }) {
  if (!failure) return [];
  const options = choices.map(({ verb, effect, way_back, recommended }) =>
    el("li", {}, el("strong", {}, verb.replaceAll("_", " ")), `: ${effect}`,
      way_back ? `; ${way_back}` : "", recommended ? el("em", {}, ` Recommended: ${recommended}`) : null));
  return [el("div", { class: "failure" },
    el("p", {}, el("strong", {}, failure.what)),
    ...(failure.why ?? []).map((why) => el("p", {}, why)),
    failure.next ? el("p", {}, `Next: ${failure.next}`) : null,
    options.length ? el("p", { class: "quiet" }, "The driver can:") : null,
    options.length ? el("ul", {}, ...options) : null)];
}

function meter({ label, done, total, unit, rate, eta_s }) {
  const of = total == null ? "" : ` of ${amount(total, unit)}`;
  const left = eta_s == null ? "" : `, ${seconds(eta_s)} left`;
  const speed = rate > 0 ? `, ${amount(Math.round(rate), unit)}/s` : "";
  const bar = total ? el("progress", { max: String(total), value: String(done), "aria-label": label }) : null;
  return el("div", { class: "meter" },
    el("p", {}, `${label}: `, el("span", { class: "number" }, `${amount(done, unit)}${of}${speed}${left}`)), bar);
}

function part({ summary, state, seconds: took, rehearsed_s }) {
  const [tone, says] = PARTS[state];
  const rehearsed = rehearsed_s == null ? "" : ` (${seconds(rehearsed_s)} when rehearsed)`;
  return el("li", {}, el("span", { class: `state ${tone}` }, says), el("span", { class: "what" }, summary),
    el("span", { class: "number quiet" }, took == null ? "" : `${seconds(took)}${rehearsed}`));
}

function check({ fact, verdict, evidence }) {
  const [tone, sign] = VERDICTS[verdict];
  return el("li", {}, el("span", { class: `state ${tone}` }, sign),
    el("span", { class: "what" }, fact, el("span", { class: "quiet" }, evidence ? `: ${evidence}` : "")));
}

function companion(companion) {
  if (!companion) return [];
  const tone = companion.healthy ? "good" : "bad";
  return [el("p", {}, el("span", { class: `state ${tone}` }, companion.healthy ? "✓ still at work: " : "✗ still at work: "), companion.detail)];
}

function undo({ takes_s, loses, none }) {
  if (none) return `There is no way back: ${none}.`;
  const takes = takes_s ? `takes about ${seconds(takes_s[0])}, ${origin(takes_s[1])}` : "has not been measured";
  return `Taking it back ${takes}; it ${loses ? "can lose writes: the way back's preview says how many" : "loses nothing"}.`;
}

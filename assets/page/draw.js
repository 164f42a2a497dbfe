// A view, drawn. Texts go in as texts, never as markup; a part is made anew only where what it shows has changed, so
// that a reader's place, selection and focus stay.

import { ago, moment, origin, range, rough, seconds } from "./figures.js";
import { look } from "./preview.js";
import { panel } from "./step.js";
import { el, isBusy, mayStart, status } from "./elements.js";

const at = (id) => document.getElementById(id);
const drawn = new Map();

/** Fills a part, where what it is made of differs from the last time. */
function fill(id, from, make) {
  const key = JSON.stringify(from);
  if (drawn.get(id) === key) return;
  drawn.set(id, key);
  // The focus stays on the same line, which is another element now.
  const focused = at(id).contains(document.activeElement) ? document.activeElement.dataset.key : null;
  at(id).replaceChildren(...[make()].flat().filter(Boolean));
  if (focused) at(id).querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

const SENTENCE = {
  calm: ["", "●"], running: ["", "●"], you: ["you", "▶"], failed: ["bad", "✗"], frozen: ["bad", "‖"], done: ["good", "✓"],
};
const POINTS = { switching: "in it: the point of switching", no_return: "with it: the point of no return" };

/** Draws everything but ages. */
export function draw(view, chosen, choose) {
  const [tone, sign] = SENTENCE[view.sentence.mood];
  // Whoever reads this does not drive.
  const says = view.sentence.text.replace(/^WAITING FOR YOU/, `WAITING FOR ${view.driver?.name ?? "A DRIVER"}`);
  const sentence = `${sign} ${says}`;
  document.title = `${says} · ${view.service}`;
  at("service").textContent = view.service;
  if (at("sentence").textContent !== sentence) at("sentence").textContent = sentence;
  at("sentence").className = `sentence ${tone}`;
  at("environment").hidden = false;
  at("environment").textContent = view.production ? `! ${view.environment}` : view.environment;
  at("environment").className = view.production ? "badge production" : "badge";
  const wheel = view.driver ? `${view.driver.name} drives` : "nobody drives";
  at("place").textContent = `${view.host} · run ${view.run} · ${wheel}`;

  const step = view.steps.find(({ id }) => id === (chosen ?? view.current)) ?? view.steps.at(-1);
  fill("alarm", [view.freeze, view.fences], () => alarm(view));
  at("alarm").hidden = !at("alarm").hasChildNodes();
  fill("forecast", view.forecast, () => forecast(view.forecast));
  fill("week", [view.steps.map((step) => ({ ...step, meters: 0, parts: 0, checks: 0, companion: 0, undo: 0 })), step?.id],
    () => week(view, step, choose));
  fill("step", [step, view.hands.length, isBusy(view), step && look(step.id)], () => (step ? panel(step, view) : []));
  fill("risks", view.risks, () => risks(view.risks));
  fill("hands", view.hands, () => view.hands.map((hand) => said(hand, "raised a hand")));
  fill("notes", view.notes, () => view.notes.toReversed().map((note) => said(note, "")));
  fill("kept", view.kept, () => view.kept.map(([what, why]) =>
    el("li", {}, el("span", { class: "what" }, el("strong", {}, what), `: ${why}`))));
  at("stays").hidden = view.kept.length === 0;
  fill("facts", [view.identities, view.engine, view.runbook], () => facts(view));
  const waits = view.steps.filter((step) => step.gate.approval && mayStart(step));
  at("approval").hidden = waits.length === 0;
  at("approval-what").textContent = waits
    .map(({ id, gate }) => `${id} wants the signature of somebody who is ${gate.approval} and does not drive.`)
    .join(" ");
}

/** Says a text to who does not see it, where more than a figure of it has changed. */
export function speak(text) {
  const spoken = at("spoken");
  const words = (said) => said.replace(/[\d.,]+/g, "");
  if (words(spoken.textContent) !== words(text)) spoken.textContent = text;
}

/** What changes by itself: ages, and the freeze's time. */
export function tick(view, now) {
  at("clock").textContent =
    `As of ${moment(view.at)}, after event ${view.seq}. This page only looks on: nothing on it gives an order.`;
  for (const age of document.querySelectorAll("time[data-ago]")) age.textContent = ago(age.dateTime, now);
  const held = at("held");
  if (held && view.freeze && !view.freeze.ended) {
    const length = Math.max(0, (now - Date.parse(view.freeze.since)) / 1000);
    held.textContent = `${length.toFixed(1)} s of ${seconds(view.freeze.budget_s)}`;
  }
}

function alarm({ freeze, fences, barred }) {
  const lines = fences.map(([service, step]) => service === barred
    ? el("p", { class: "state bad" }, `‖ Writes are fenced: ${service}, shut by ${step}`)
    : el("p", {}, `${service} stays fenced behind the switch, shut by ${step}`));
  if (freeze) {
    const length = (Date.parse(freeze.ended ?? freeze.since) - Date.parse(freeze.since)) / 1000;
    const held = el("strong", { id: "held", class: "number" }, `${length.toFixed(1)} s of ${seconds(freeze.budget_s)}`);
    const rehearsed = freeze.rehearsed_s == null ? "" : `, ${freeze.rehearsed_s.toFixed(1)} s when rehearsed`;
    lines.unshift(el("p", {}, freeze.ended ? "✓ Writes waited for " : "‖ TENANTS' WRITES WAIT: ", held, ` allowed${rehearsed}`));
  }
  return lines;
}

function forecast(forecast) {
  if (!forecast) return [];
  const parts = [`Work left: ${range(...forecast.left_s)}, by ${forecast.from}.`];
  if (forecast.slack_s != null) {
    const late = forecast.slack_s < 0;
    parts.push(late ? `Too late by ${rough(-forecast.slack_s)}.` : `Slack to the deadline: ${rough(forecast.slack_s)}.`);
  }
  if (forecast.eaten_by) parts.push(`${forecast.eaten_by[0]} took ${seconds(forecast.eaten_by[1])} more than planned.`);
  return parts.join(" ");
}

function week(view, chosen, choose) {
  let day = 0;
  return view.steps.flatMap((step) => {
    const lines = [];
    if (step.day !== day) lines.push(el("li", { class: "day" }, `Day ${(day = step.day)}`));
    const mark = status(step);
    const took = step.took_s == null ? "" : seconds(step.took_s);
    const planned = step.planned_s ? `planned ${seconds(step.planned_s[0])}` : "";
    const button = el("button", {
      type: "button", class: `row ${mark.tone}`, "aria-pressed": String(step.id === chosen?.id), "data-key": step.id,
    },
      el("span", { class: "sign", "aria-hidden": "true" }, mark.sign),
      el("span", { class: "name" }, step.id),
      el("span", { class: `state ${mark.tone}` }, mark.says),
      el("span", { class: "number quiet planned", title: origin(step.planned_s?.[1]) }, planned),
      el("span", { class: "number took" }, took));
    button.addEventListener("click", () => choose(step.id));
    const line = el("li", {}, button);
    if (step.status === "running" && step.fraction != null) {
      line.append(el("progress", { max: "1", value: String(step.fraction), "aria-label": `how far ${step.id} is` }));
    }
    lines.push(line);
    if (step.point) lines.push(el("li", { class: "point" }, POINTS[step.point]));
    return lines;
  });
}

const LEVELS = { fine: ["good", "✓ fine"], near: ["you", "! near"], over: ["bad", "✗ over"] };

function risks(risks) {
  if (risks.length === 0) return el("li", { class: "quiet" }, "Nothing that is known of.");
  return risks.map((risk) => {
    const [tone, says] = LEVELS[risk.level];
    const limit = risk.limit ? `, limit ${risk.limit}` : "";
    const left = risk.left_s == null ? "" : `, ${rough(risk.left_s)} left`;
    return el("li", {},
      el("span", { class: `state ${tone}` }, says), " ",
      el("strong", {}, risk.what), `: ${risk.value}${limit}${left}`,
      risk.fix && risk.level !== "fine" ? el("p", { class: "quiet" }, risk.fix) : null);
  });
}

function said({ at, by, text }, verb) {
  const age = el("time", { datetime: at, "data-ago": "", title: moment(at) });
  return el("li", { class: verb ? "hand" : "" },
    el("p", {}, text), el("p", { class: "quiet" }, `${by} ${verb}`.trim(), ", ", age));
}

function facts({ identities, engine, runbook }) {
  const all = [...identities, ["Runbook", runbook]];
  if (engine) {
    const deaths = engine.deaths ? `, ${engine.deaths} died before it` : "";
    all.push(["Engine", `${engine.who} on ${engine.host}, process ${engine.pid}${deaths}`]);
  }
  return all.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
}


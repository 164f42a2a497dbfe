// The page's life: a link's token becomes a cookie, the stream of views is drawn, words and approvals are handed in.
// It cannot command: the listener that it talks to has no such path.

import { draw, speak, tick } from "./draw.js";
import { words } from "./elements.js";

const RETRY_MS = 1000;
const SILENT_MS = 2000;
const GONE_MS = 6000;
const ANSWER_MS = 10000;
const LONGEST = 500;

const at = (id) => document.getElementById(id);
const state = { view: null, chosen: null, stream: null, heard: 0, tried: 0, offset: 0 };

/** The engine's clock now, in milliseconds. */
const now = () => performance.now() + state.offset;

function say(id, text, good) {
  const place = at(id);
  place.textContent = text;
  place.className = good ? "state good" : "state bad";
}

/** The words of a refusal: what, why, what to do. */
async function refusal(answer) {
  const failure = await answer.json().catch(() => ({ what: `the engine's machine answered ${answer.status}` }));
  return words(failure).join(": ");
}

const post = (path, body) =>
  fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body, signal: AbortSignal.timeout(ANSWER_MS) });

/** Hands the link's token in; the address bar keeps nothing of it. */
async function enter() {
  const token = location.hash.slice(1);
  if (!token) return;
  const answer = await post("/session", JSON.stringify({ token })).catch(() => null);
  if (answer?.ok) return history.replaceState(null, "", location.pathname);
  // What is refused now is refused the next time too.
  if (answer && answer.status < 500 && ![408, 429].includes(answer.status)) return shut(answer);
  // Nobody listens, or has no room: the token is as good the next time.
  at("sentence").textContent = answer ? await refusal(answer) : "Connecting to the engine.";
  await new Promise((again) => setTimeout(again, RETRY_MS));
  return enter();
}

/** Nothing is shown to somebody without a link. */
async function shut(answer) {
  state.stream?.close();
  state.stream = state.view = null;
  at("why").textContent = await refusal(answer);
  at("door").hidden = false;
  at("window").hidden = true;
  at("place").textContent = "";
  at("sentence").textContent = "Nothing is shown without a link.";
  at("link").textContent = "";
}

function redraw() {
  if (!state.view) return;
  at("door").hidden = true;
  at("window").hidden = false;
  draw(state.view, state.chosen, (id) => {
    state.chosen = id === state.view.current ? null : id;
    redraw();
  });
  beat();
}

/** Ages, and whether the engine was heard of. */
function beat() {
  const silent = performance.now() - state.heard;
  // A connection that died without a word gives no error: it is opened anew.
  if (state.stream && silent > GONE_MS && performance.now() - state.tried > GONE_MS) listen();
  if (!state.view) return;
  const stale = silent >= SILENT_MS || !state.stream;
  const link = at("link");
  const people = state.view.clients === 1 ? "1 looks on" : `${state.view.clients} look on`;
  const engine = state.view.engine?.alive ? "live" : "NO ENGINE";
  link.textContent = stale ? `STALE ${Math.round(silent / 1000)} s` : `${engine}, ${people}`;
  link.className = stale || engine !== "live" ? "link bad" : "link good";
  document.body.classList.toggle("stale", stale);
  speak(stale ? "The engine is not heard of: what stands here is old." : at("sentence").textContent);
  tick(state.view, now());
}

function listen() {
  state.stream?.close();
  state.tried = performance.now();
  const stream = new EventSource("/events");
  state.stream = stream;
  const heard = () => {
    state.heard = performance.now();
  };
  stream.addEventListener("beat", (event) => {
    heard();
    state.offset = Date.parse(JSON.parse(event.data).at) - performance.now();
    beat();
  });
  stream.addEventListener("view", (event) => {
    heard();
    state.view = JSON.parse(event.data);
    redraw();
  });
  stream.addEventListener("error", () => {
    // A connection that broke is tried again by the browser; one that was refused is not.
    if (stream.readyState === EventSource.CLOSED && stream === state.stream) again();
  });
}

/** Asks why the stream was refused, and waits where there is nobody to answer. */
async function again() {
  state.stream = null;
  const asking = new AbortController();
  try {
    const answer = await fetch("/events", { signal: asking.signal });
    if (answer.status === 401) return await shut(answer);
    if (!answer.ok) at("sentence").textContent = await refusal(answer);
  } catch {
    // Nobody listens now.
  } finally {
    asking.abort();
  }
  setTimeout(() => state.stream || listen(), RETRY_MS);
}

at("words").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = at("text").value.trim();
  if (!text) return;
  const answer = await post("/messages", JSON.stringify({ say: event.submitter?.value ?? "note", text })).catch(() => null);
  if (!answer) return say("said", "It did not arrive: the engine's machine cannot be reached. Your words are still here.", false);
  if (!answer.ok) return say("said", await refusal(answer), false);
  at("text").value = "";
  room();
  say("said", "It is in the journal.", true);
});

at("approve").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [by, statement, signature] = ["signer", "statement", "signature"].map((id) => at(id).value);
  const answer = await post("/approvals", JSON.stringify({ by, statement, signature })).catch(() => null);
  if (!answer) return say("approved", "It did not arrive: the engine's machine cannot be reached.", false);
  if (!answer.ok) return say("approved", await refusal(answer), false);
  event.target.reset();
  say("approved", "The signature is good, and recorded.", true);
});

/** How much room is left for words, counted as the engine counts. */
function room() {
  const left = LONGEST - [...at("text").value].length;
  at("text").setCustomValidity(left < 0 ? `${-left} characters too many` : "");
  at("room").textContent = left < 100 ? `${left} characters left` : "";
}
at("text").addEventListener("input", room);

// In the background a page holds no connection, of which a browser has few; back in front it takes a fresh view at once.
document.addEventListener("visibilitychange", () => {
  if (!at("door").hidden) return;
  if (document.visibilityState === "visible") return listen();
  state.stream?.close();
  state.stream = null;
});
// What was looked up goes where its step is drawn.
document.addEventListener("looked", redraw);
addEventListener("hashchange", begin);
setInterval(beat, 1000);

async function begin() {
  at("door").hidden = true;
  await enter();
  if (at("door").hidden) listen();
}
begin();

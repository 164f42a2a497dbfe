// Figures as people read them: the same words as on the terminal (src/domain/figure.rs).

/** A length of time: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`. */
export function seconds(length) {
  const whole = Math.max(0, Math.round(length));
  const two = (value) => String(value).padStart(2, "0");
  if (whole < 10) return `${Math.max(0, length).toFixed(1)} s`;
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} min`;
}

/** A stretch that nobody knows to the minute: `23 to 26 h`. */
export function range(least, most) {
  if (least >= 36000) return `${Math.floor(least / 3600)} to ${Math.ceil(most / 3600)} h`;
  return seconds(least) === seconds(most) ? seconds(most) : `${seconds(least)} to ${seconds(most)}`;
}

/** A length of time of which the hours are enough where there are many. */
export const rough = (length) => (length >= 36000 ? `${Math.floor(length / 3600)} h` : seconds(length));

/** An amount with its unit. */
export function amount(value, unit) {
  return unit === "bytes" ? `${(value / 1048576).toFixed(1)} MiB` : `${value.toLocaleString("en")} ${unit}`;
}

/** Where a figure comes from. */
export function origin(from) {
  if (from?.rehearsal) return `measured in rehearsal ${from.rehearsal}`;
  return { rate: "from the current rate", runbook: "the runbook's guess", measured: "measured in this run" }[from] ?? "";
}

/** A moment in the reader's own time: `Tue 14:02`. */
export function moment(at) {
  return new Date(at).toLocaleString("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit" });
}

/** How long ago that was, by the server's clock: `12 s ago`. */
export const ago = (at, now) => `${rough(Math.max(0, (now - Date.parse(at)) / 1000))} ago`;

// Elements, and a step's state as sign, word and colour: nothing is said by colour alone.

/** An element with attributes and children; children that are texts stay texts. */
export function el(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child != null));
  return element;
}

const STATES = {
  pending: ["", "⋅", "not started"],
  running: ["running", "●", "running"],
  done: ["good", "✓", "done"],
  adopted: ["good", "≈", "adopted"],
  failed: ["bad", "✗", "failed"],
  rolled_back: ["", "↶", "rolled back"],
  in_doubt: ["you", "?", "in doubt"],
};

/** How a step's state is shown. */
export function status(step) {
  const [tone, sign, says] = STATES[step.status];
  const back = step.status === "running" && step.direction === "back";
  return { tone, sign: back ? "↶" : sign, says: back ? "rolling back" : says };
}

/** Whether a step may start: it has not begun, or what it began is over without being done. */
export const mayStart = ({ status }) => ["pending", "failed", "rolled_back"].includes(status);

/** Whether a step of the run is under way. */
export const isBusy = (view) => view.steps.some(({ status }) => status === "running");

/** The words of a failure: what, why, what to do. */
export const words = ({ what, why, next }) => [what, ...(why ?? []), next].filter(Boolean);

/** Work that is long in steps, each short enough for one turn of the event loop. */
import { setImmediate as nextTurn } from "node:timers/promises";

import { type Pay, payer } from "./payer.ts";

/**
 * At once if one step is enough, else each of the others after `turn` has resolved. Without `turn` they are taken between the
 * guests' turns, and whoever asked pays for them.
 */
export function inTurns<T>(steps: Generator<undefined, T>, turn?: () => Promise<unknown>): T | Promise<T> {
  const first = steps.next();
  if (first.done === true) return first.value;
  return turn ? theRest(steps, turn) : theRest(steps, () => nextTurn(), payer());
}

async function theRest<T>(
  steps: Generator<undefined, T>,
  turn: () => Promise<unknown>,
  pay?: Pay,
): Promise<T> {
  let over = false;
  try {
    for (;;) {
      await turn();
      const beganMs = performance.now();
      const step = steps.next();
      pay?.(performance.now() - beganMs);
      over = step.done === true;
      if (step.done === true) return step.value;
    }
  } finally {
    // Whoever takes the turns was killed: what is open is closed.
    if (!over) steps.return(undefined as T);
  }
}

/** For a thread that has nothing else to do. */
export function atOnce<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

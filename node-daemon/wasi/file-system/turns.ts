/** Work that is long in steps, each short enough for one turn of the event loop. */
import { setImmediate as nextTurn } from "node:timers/promises";

/** At once if one step is enough, else each of the others after `turn` has resolved. */
export function inTurns<T>(
  steps: Generator<undefined, T>,
  turn: () => Promise<unknown> = () => nextTurn(),
): T | Promise<T> {
  const first = steps.next();
  return first.done === true ? first.value : theRest(steps, turn);
}

async function theRest<T>(steps: Generator<undefined, T>, turn: () => Promise<unknown>): Promise<T> {
  let over = false;
  try {
    for (;;) {
      await turn();
      const step = steps.next();
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

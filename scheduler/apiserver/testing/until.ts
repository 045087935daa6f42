import { setImmediate as nextTurn } from "node:timers/promises";

/** More turns than anything in this process takes; each makes at least one request. */
const turnsMax = 5_000;

/** Asks again, turn by turn of the event loop, until the answer is yes. For what controllers do behind a request. */
export async function until(check: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < turnsMax; turn++) {
    if (await check()) return;
    await nextTurn();
  }
  throw new Error(`still not so after ${turnsMax} turns: ${check.toString()}`);
}

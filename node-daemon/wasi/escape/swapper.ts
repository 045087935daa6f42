/**
 * Test support, a process of its own: makes the swap argv[3] (an index) in the fence argv[2], as fast as it can, until its
 * standard input closes.
 */
import { setImmediate } from "node:timers/promises";

import { swaps } from "./swaps.ts";

const [, , root = ".", index = "0"] = process.argv;
const swap = swaps[Number(index)];
if (swap === undefined) throw new RangeError(`there is no swap ${index}`);

process.stdin.on("end", () => process.exit()).resume();
process.stdout.write("ready\n");
for (;;) {
  for (let i = 0; i < 100; i++) swap.turn(root);
  await setImmediate();
}

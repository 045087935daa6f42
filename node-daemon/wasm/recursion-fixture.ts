/** Runs each recursive guest in a process of its own flags, and prints what ended it. */
import { stackLimits } from "../shim/limits.ts";
import { describeTrap } from "../shim/trap.ts";
import { recursiveGuests } from "./recursive-guests.ts";
import { RewrittenGuest } from "./rewritten-guest.ts";

for (const { name, binary } of recursiveGuests) {
  const guest = new RewrittenGuest(binary, { suspending: true });
  guest.slice = 1_000_000_000;
  guest.fuel = guest.slice;
  guest.stack = stackLimits.bytesMax;
  let ended = "returned";
  try {
    await guest.callSuspending("run");
  } catch (thrown) {
    ended = describeTrap(thrown, 0, stackLimits.bytesMax).message.split("\n")[0] ?? "";
  }
  process.stdout.write(`${name}: ${ended}\n`);
}

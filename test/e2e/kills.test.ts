import { test } from "vitest";
import { runKillStorm } from "../support/kill-storm.ts";

/** `npm run soak -- --kills 200` goes on for longer. The same seed each time, so that a red run says something about the change. */
const seed = Number(process.env["WHERRY_KILLS_SEED"] ?? 5);

test(
  "kill -9 of shims, the daemon, or both, 20 times: each restart counted once, no line lost, no completion missing",
  { timeout: 600_000 },
  async () => {
    await runKillStorm({ seed, kills: 20, tell: (line) => console.log(`seed ${seed}, ${line}`) });
  },
);

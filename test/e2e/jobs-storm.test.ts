import { expect, test } from "vitest";
import { runJobStorm } from "../support/job-storm.ts";

const completions = 1_000;
/** Nodes keep so many ended instances with their logs; what was tried beyond the completions takes that place from others. */
const keptMax = 1_000;

test(
  "a job of 1,000 indexes through kill -9 of three daemons and the scheduler: each index counted once, none missing",
  { timeout: 600_000 },
  async () => {
    const { status, done, logged, looks } = await runJobStorm({
      completions,
      parallelism: 60,
      workMs: 2_000,
      tell: (line) => console.log(line),
    });
    console.log(JSON.stringify({ ...status, looks, files: done.size, logged: logged.size }));
    expect(status).toMatchObject({
      phase: "Complete",
      succeeded: completions,
      completedIndexes: `0-${completions - 1}`,
      failedAttempts: [],
    });
    expect([...done.keys()].sort((a, b) => a - b)).toEqual(
      Array.from({ length: completions }, (_, at) => at),
    );
    for (const index of logged) expect(index).toBeLessThan(completions);
    expect(logged.size).toBeGreaterThan(keptMax / 2);
  },
);

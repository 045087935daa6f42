import { expect, test } from "vitest";
import { runJobStorm } from "../support/job-storm.ts";

const completions = 1_000;
test(
  "a job of 1,000 indexes through kill -9 of three daemons and the scheduler: each index counted once, none missing",
  { timeout: 600_000 },
  async () => {
    const { status, done, kept, logged, looks } = await runJobStorm({
      completions,
      parallelism: 60,
      workMs: 2_000,
      tell: (line) => console.log(line),
    });
    console.log(
      JSON.stringify({ ...status, looks, files: done.size, kept: kept.length, logged: logged.size }),
    );
    expect(status).toMatchObject({
      phase: "Complete",
      succeeded: completions,
      completedIndexes: `0-${completions - 1}`,
      failedAttempts: [],
    });
    expect([...done.keys()].sort((a, b) => a - b)).toEqual(
      Array.from({ length: completions }, (_, at) => at),
    );
    // Of 1,000 instances that have ended, whichever way, the nodes keep the logs: each says its index once.
    expect(kept.length).toBeGreaterThan(completions / 2);
    expect(new Set(kept).size).toBe(kept.length);
    expect(kept.filter((index) => !logged.has(index))).toEqual([]);
  },
);

import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./tools/test-order.ts";

const processors = availableParallelism();

/** Of `expect.poll`, whose second is little on a busy machine. */
const expectations = { poll: { timeout: 20_000 } };

/**
 * Projects run one after the other, the files of each beside each other: those of `unit` compute, those of `integration` also
 * wait for shims and for kubectl, those of `e2e` wait most of the time for what takes time by itself. Each cluster has a
 * folder and ports of its own. Some hundred MiB each, so there is a most.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: ["{kit,api,proto,scheduler,node-daemon,client,cli,tools}/**/*.test.ts"],
          exclude: ["**/node_modules/**"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: expectations,
          maxWorkers: processors,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/{integration,conformance}/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: expectations,
          maxWorkers: processors + 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 240_000,
          expect: expectations,
          hookTimeout: 240_000,
          maxWorkers: Math.min(processors + 1, 8),
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});

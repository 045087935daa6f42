/**
 * In which order the files of tests begin. vitest takes the largest first, which says little of files that wait or try many
 * seeds: begun last, one of them keeps a machine waiting for a minute.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Those that take half a minute and more, the longest first. One that is missing here costs time, nothing else. */
const longest: readonly string[] = [
  "tools/sim/simulation.test.ts",
  "tools/load-shapes/load-shapes.test.ts",
  "node-daemon/runtimes/v8/isolation.test.ts",
  "test/integration/hostile-components.test.ts",
  "test/integration/attacks.test.ts",
  "test/integration/hostile-guests.test.ts",
  "test/e2e/autoscaling-requests.test.ts",
  "test/e2e/autoscaling-prometheus.test.ts",
  "test/e2e/autoscaling-redis.test.ts",
  "test/e2e/reunion.test.ts",
  "test/e2e/kills.test.ts",
  "test/e2e/examples.test.ts",
  "test/e2e/probes.test.ts",
  "test/e2e/http-replacements.test.ts",
  "test/e2e/http-changes.test.ts",
  "test/e2e/http-nodes.test.ts",
  "test/e2e/http-from-zero.test.ts",
  "test/e2e/request-figures.test.ts",
  "test/e2e/config.test.ts",
  "test/e2e/jobs-storm.test.ts",
  "test/e2e/rollouts.test.ts",
  "test/e2e/chaos.test.ts",
  "test/e2e/rebalancing.test.ts",
  "test/e2e/cli-rollout.test.ts",
  "test/e2e/jobs.test.ts",
  "test/e2e/placement.test.ts",
  "test/e2e/autoscaling-faults.test.ts",
  "test/e2e/prometheus.test.ts",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => groupOf(a) - groupOf(b) || placeOf(a) - placeOf(b));
  }
}

function groupOf({ project }: TestSpecification): number {
  return project.config.sequence.groupOrder;
}

function placeOf({ moduleId }: TestSpecification): number {
  const place = longest.findIndex((file) => moduleId.endsWith(`/${file}`));
  return place < 0 ? longest.length : place;
}

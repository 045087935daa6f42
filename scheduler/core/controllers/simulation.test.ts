import { expect, test } from "vitest";
import { isAvailable, isLive } from "./removal-order.ts";
import { ClusterSimulation, type DeploymentTurn } from "../testing/cluster-simulation.ts";
import { rolloutLimits } from "./deployment/rollout-limits.ts";
import { IndexRanges } from "./job/index-ranges.ts";

const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
const steps = 400;

/** Whatever it found, it made nothing worse than its bounds allow. */
function checkDeployment({ deployment, before, after, created }: DeploymentTurn, where: string): void {
  const { totalMax, availableMin } = rolloutLimits(deployment.spec);
  const total = after.filter(isLive).length;
  if (created > 0) expect(total, `${where}: total`).toBeLessThanOrEqual(totalMax);
  const available = after.filter(isAvailable).length;
  if (available < before.filter(isAvailable).length)
    expect(available, `${where}: available`).toBeGreaterThanOrEqual(availableMin);
}

/** Counts only grow, and only what a node has seen succeed is counted as such. */
function jobChecker(simulation: ClusterSimulation): (where: string) => void {
  let succeededBefore = 0;
  let failedBefore = 0;
  return (where) => {
    const { status } = simulation.job;
    const completed = IndexRanges.parse(status?.completedIndexes);
    expect(status?.succeeded ?? 0, `${where}: succeeded`).toBe(completed.size);
    expect(completed.size, `${where}: succeeded shrank`).toBeGreaterThanOrEqual(succeededBefore);
    expect(status?.failed ?? 0, `${where}: failed shrank`).toBeGreaterThanOrEqual(failedBefore);
    for (let index = 0; index < simulation.job.spec.completions; index++)
      if (completed.has(index)) expect(simulation.succeededIndexes, where).toContain(index);
    succeededBefore = completed.size;
    failedBefore = status?.failed ?? 0;
  };
}

/** Runs to the end and returns the simulation; every assertion names the seed. */
function simulate(seed: number, nodeLoss: boolean): ClusterSimulation {
  let where = `seed ${seed}`;
  const simulation = new ClusterSimulation({ seed, nodeLoss }, (turn) => checkDeployment(turn, where));
  const checkJob = jobChecker(simulation);
  for (let step = 0; step < steps; step++) {
    where = `seed ${seed}, step ${step}`;
    simulation.step();
    checkJob(where);
  }
  where = `seed ${seed}, settling`;
  simulation.settle();
  checkJob(where);
  return simulation;
}

function expectSettled({ deployment, state, job, templateHash }: ClusterSimulation, where: string): void {
  const instances = [...state.instancesOwnedBy("web")];
  expect(instances.filter(isAvailable), where).toHaveLength(deployment.spec.replicas);
  expect(
    instances.every((instance) => instance.templateHash === templateHash),
    where,
  ).toBe(true);
  expect(deployment.status?.ready, where).toBe(`${deployment.spec.replicas}/${deployment.spec.replicas}`);
  expect(["Complete", "Failed"], where).toContain(job.status?.phase);
  expect([...state.instancesOwnedBy("work")], where).toEqual([]);
}

test.each(seeds)("simulation: nodes stay, schedulers restart, seed %i", (seed) => {
  const simulation = simulate(seed, false);
  expectSettled(simulation, `seed ${seed}`);
  const { status } = simulation.job;
  if (status?.phase === "Complete")
    expect(status.failed, `seed ${seed}: failures`).toBe(simulation.realFailures);
});

test.each(seeds)("simulation: nodes are lost and return, seed %i", (seed) => {
  const simulation = simulate(seed, true);
  expectSettled(simulation, `seed ${seed}`);
  expect(simulation.job.status?.failed, `seed ${seed}: failures`).toBeLessThanOrEqual(
    simulation.realFailures,
  );
});

import { expect, test } from "vitest";
import type { Step } from "../core/controllers/step.ts";
import { StepBacklog, stepsPerTurn } from "./step-backlog.ts";

const event: Step = { kind: "recordEvent", type: "Normal", reason: "Made", message: "" };

function stops(count: number): readonly Step[] {
  return Array.from({ length: count }, (_, index) => ({ kind: "stopInstance", uid: `i${index}`, why: "" }));
}

function creates(count: number): Step {
  return { kind: "createInstances", count, templateHash: "h1", targetNode: undefined };
}

function aBacklog() {
  const backlog = new StepBacklog();
  const executed: Step[] = [];
  const goOn = (owner = "o", basis = "1") => backlog.goOn(owner, basis, (step) => executed.push(step));
  return { backlog, executed, goOn };
}

test("StepBacklog: what fits is done in the turn, in order", () => {
  const { backlog, executed, goOn } = aBacklog();
  const steps: readonly Step[] = [creates(3), event, ...stops(2)];
  backlog.begin("o", "1", steps);
  expect(goOn()).toBe("done");
  expect(executed).toEqual(steps);
  expect(goOn()).toBeUndefined();
});

test("StepBacklog: one step that makes many is divided, and what follows comes once and last", () => {
  const { backlog, executed, goOn } = aBacklog();
  backlog.begin("o", "1", [creates(stepsPerTurn * 2 + 5), event]);
  const progress = [goOn(), goOn()];
  for (let turn = 0; turn < 2; turn++) {
    backlog.beginTurn();
    progress.push(goOn());
  }
  expect(progress).toEqual(["unfinished", "unserved", "unfinished", "done"]);
  expect(executed).toEqual([creates(stepsPerTurn), creates(stepsPerTurn), creates(5), event]);
});

test("StepBacklog: a turn's steps are those of all workloads together", () => {
  const { backlog, executed, goOn } = aBacklog();
  backlog.begin("a", "1", stops(stepsPerTurn - 1));
  backlog.begin("b", "1", stops(2));
  expect([goOn("a"), goOn("b")]).toEqual(["done", "unfinished"]);
  expect(executed).toHaveLength(stepsPerTurn);
  backlog.beginTurn();
  expect(goOn("b")).toBe("done");
});

test("StepBacklog: what was asked for something that has changed is forgotten", () => {
  const { backlog, executed, goOn } = aBacklog();
  backlog.begin("o", "1", stops(stepsPerTurn + 1));
  goOn();
  backlog.beginTurn();
  expect(goOn("o", "2")).toBeUndefined();
  expect(goOn("o", "1")).toBeUndefined();
  backlog.begin("o", "1", stops(1));
  backlog.drop("o");
  expect(goOn()).toBeUndefined();
  expect(executed).toHaveLength(stepsPerTurn);
});

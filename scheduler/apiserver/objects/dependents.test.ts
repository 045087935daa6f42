import { expect, test } from "vitest";
import { aMeta } from "../../core/testing/builders.ts";
import { Dependents, placeOf } from "./dependents.ts";

const kind = { group: "", plural: "configmaps" };

function owner(uid: string, blockOwnerDeletion = false) {
  return { apiVersion: "v1", kind: "ConfigMap", name: uid, uid, blockOwnerDeletion };
}

function place(name: string) {
  return placeOf(kind, { apiVersion: "v1", kind: "ConfigMap", metadata: aMeta(name, { uid: name }) });
}

const o = { uid: "o", namespace: "default" };

const blocks = ({ blockOwnerDeletion }: { blockOwnerDeletion?: boolean }) => blockOwnerDeletion === true;

test("Dependents: who names an owner, and whether one of them blocks it", () => {
  const dependents = new Dependents();
  dependents.change(place("a"), [owner("o", true)], [], blocks);
  dependents.change(place("b"), [owner("o")], [], blocks);
  expect(dependents.of(o).map(({ name }) => name)).toEqual(["a", "b"]);
  expect(dependents.isBlocked(o)).toBe(true);
  dependents.change(place("a"), [owner("o")], [owner("o", true)], blocks);
  expect(dependents.isBlocked(o)).toBe(false);
  dependents.remove(place("a"), [owner("o")]);
  dependents.remove(place("b"), [owner("o")]);
  expect(dependents.of(o)).toEqual([]);
});

test("Dependents: an owner that is named twice is blocked if either says so", () => {
  const dependents = new Dependents();
  dependents.change(place("a"), [owner("o", true), owner("o")], [], blocks);
  expect(dependents.isBlocked(o)).toBe(true);
  dependents.change(place("a"), [], [owner("o", true), owner("o")], blocks);
  expect(dependents.of(o)).toEqual([]);
});

test("Dependents: those in another namespace are none; of an owner in no namespace, all are", () => {
  const dependents = new Dependents();
  dependents.change({ ...place("a"), namespace: "else" }, [owner("o", true)], [], blocks);
  expect(dependents.isBlocked(o)).toBe(false);
  expect(dependents.of(o)).toEqual([]);
  const wide = { uid: "o", namespace: "" };
  expect(dependents.isBlocked(wide)).toBe(true);
  expect(dependents.of(wide).length).toBe(1);
});

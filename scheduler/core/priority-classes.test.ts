import { expect, test } from "vitest";
import { aMeta } from "./testing/builders.ts";
import { PriorityClasses } from "./priority-classes.ts";

function aClass(name: string, value: number, globalDefault = false) {
  return {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: aMeta(name),
    value,
    globalDefault,
  };
}

test.each([
  { name: "no class and no default", classes: [], asked: undefined, expected: { name: "", value: 0 } },
  { name: "a class", classes: [aClass("low", -5)], asked: "low", expected: { name: "low", value: -5 } },
  {
    name: "the default",
    classes: [aClass("low", -5), aClass("usual", 10, true)],
    asked: undefined,
    expected: { name: "usual", value: 10 },
  },
  {
    name: "a class beside the default",
    classes: [aClass("usual", 10, true), aClass("none", 0)],
    asked: "none",
    expected: { name: "none", value: 0 },
  },
  {
    name: "the lower one of two defaults",
    classes: [aClass("a", 9, true), aClass("b", 3, true), aClass("c", 5, true)],
    asked: "",
    expected: { name: "b", value: 3 },
  },
  {
    name: "a class that is not there",
    classes: [aClass("usual", 10, true)],
    asked: "high",
    expected: { kind: "unknown", message: "no PriorityClass with name high was found" },
  },
])("PriorityClasses.resolve: $name", ({ classes, asked, expected }) => {
  const book = new PriorityClasses();
  for (const one of classes) book.put(one);
  expect(book.resolve(asked)).toMatchObject(expected);
});

test.each([
  { name: "Never", policy: "Never", preempts: false },
  { name: "PreemptLowerPriority", policy: "PreemptLowerPriority", preempts: true },
  { name: "nothing", policy: undefined, preempts: true },
])("PriorityClasses.resolve: preemptionPolicy $name", ({ policy, preempts }) => {
  const book = new PriorityClasses();
  book.put({ ...aClass("high", 10, true), ...(policy === undefined ? {} : { preemptionPolicy: policy }) });
  expect(book.resolve("high")).toMatchObject({ preempts });
  expect(book.resolve(undefined)).toMatchObject({ preempts });
});

test("PriorityClasses: what is deleted or no longer the default counts no more", () => {
  const book = new PriorityClasses();
  book.put(aClass("usual", 10, true));
  book.put(aClass("usual", 10));
  expect(book.resolve(undefined)).toEqual({ kind: "known", name: "", value: 0, preempts: true });
  book.delete(aClass("usual", 10));
  expect(book.resolve("usual").kind).toBe("unknown");
});

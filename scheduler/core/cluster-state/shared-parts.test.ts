import { expect, test } from "vitest";
import { anInstance } from "../testing/builders.ts";
import { withPartsOf } from "./shared-parts.ts";

const labels = { app: "web", tier: "front" };

test("withPartsOf: what is alike is the sibling's own, and the value stays equal", () => {
  const sibling = anInstance("a", { labels });
  const read = anInstance("b", { labels: { ...labels }, owner: { ...sibling.owner } });
  const shared = withPartsOf(read, sibling);
  expect(shared).toEqual(read);
  expect(shared.labels).toBe(sibling.labels);
  expect(shared.owner).toBe(sibling.owner);
  expect(shared.annotations).toBe(sibling.annotations);
});

test.each([
  ["another value", { app: "web", tier: "back" }],
  ["one more", { ...labels, zone: "1" }],
  ["one less", { app: "web" }],
  ["another name", { app: "web", level: "front" }],
])("withPartsOf: labels with %s stay its own", (_, own) => {
  const shared = withPartsOf(anInstance("b", { labels: own }), anInstance("a", { labels }));
  expect(shared.labels).toBe(own);
});

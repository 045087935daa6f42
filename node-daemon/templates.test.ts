import { expect, test } from "vitest";
import { Templates } from "./templates.ts";
import { buildTemplate } from "./testing/builders.ts";

test("Templates: one that comes late mends the instances that named it", () => {
  const templates = new Templates();
  const held = templates.use("template-1");
  expect(held.outcome).toMatchObject({ kind: "invalid" });
  expect(templates.receive(buildTemplate())).toHaveLength(1);
  expect(held.outcome.kind).toBe("configured");
  expect(templates.receive(buildTemplate())).toEqual([]);
});

test("Templates: only those without users are forgotten", () => {
  const templates = new Templates();
  templates.receive(buildTemplate({}, { id: "used" }));
  templates.receive(buildTemplate({}, { id: "unused" }));
  const held = templates.use("used");
  expect(templates.forgetUnused()).toEqual([{ kind: "removeTemplate", id: "unused" }]);
  expect(templates.used()).toEqual(["used"]);
  expect(templates.unuse(held)).toBe(true);
  expect(templates.forgetUnused()).toEqual([{ kind: "removeTemplate", id: "used" }]);
});

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

const files = [{ volume: "v", secret: false, files: [{ path: "a", data: Buffer.from("1") }] }];

test("Templates: other files under another id are stored, the same are not", () => {
  const templates = new Templates();
  templates.receive(buildTemplate({}, { contents: files, contentsId: "c1" }));
  const update = { templateId: "template-1", contentsId: "c2", contents: [] };
  expect(templates.updateContents(update)).toEqual([{ kind: "putContents", contents: update }]);
  expect(templates.updateContents(update)).toEqual([]);
  expect(templates.contents()).toEqual([]);
  templates.use("template-1");
  expect(templates.contents()).toEqual([{ templateId: "template-1", contentsId: "c2" }]);
});

test("Templates: one that comes again with other files brings them", () => {
  const templates = new Templates();
  templates.load([{ ...buildTemplate(), contentsId: "c1" }]);
  const again = buildTemplate({}, { contents: files, contentsId: "c2" });
  const contents = { templateId: "template-1", contentsId: "c2", contents: files };
  expect(templates.receive(again)).toEqual([{ kind: "putContents", contents }]);
});

test.each([
  { name: "whose files have no id", stored: "", contentsId: "c2", templateId: "template-1" },
  { name: "that is not here", stored: "c1", contentsId: "c2", templateId: "template-2" },
  { name: "by no id", stored: "c1", contentsId: "", templateId: "template-1" },
])("Templates: the files of a template $name are not changed", ({ stored, contentsId, templateId }) => {
  const templates = new Templates();
  templates.load([{ ...buildTemplate(), contentsId: stored }]);
  expect(templates.updateContents({ templateId, contentsId, contents: [] })).toEqual([]);
});

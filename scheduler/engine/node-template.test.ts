import { expect, test } from "vitest";
import type { InstanceSpec } from "../../api/gen/kinds.gen.ts";
import type { VolumeContent } from "../core/templates/resolve-template.ts";
import { contentsId, nodeTemplate } from "./node-template.ts";

// Only what is looked at here.
const spec = { module: { image: "file:///m.wasm" } } as InstanceSpec;
const volume = (files: Readonly<Record<string, string>>, name = "v"): VolumeContent => ({
  volume: name,
  secret: false,
  files: Object.entries(files).map(([path, text]) => ({ path, data: Buffer.from(text) })),
});
const made = (owner: string, ...contents: readonly VolumeContent[]) =>
  nodeTemplate(owner, { spec, contents });

test("nodeTemplate: files are not a part of its id, the owner is where there are any", () => {
  const template = made("o1", volume({ a: "1" }));
  expect(made("o1", volume({ a: "2" })).id).toBe(template.id);
  expect(made("o2", volume({ a: "1" })).id).not.toBe(template.id);
  expect(made("o1").id).toBe(made("o2").id);
  expect(made("o1").id).not.toBe(template.id);
});

test("contentsId: names files by volume, path and text, and a volume without any", () => {
  const sets: readonly (readonly VolumeContent[])[] = [
    [],
    [volume({})],
    [volume({}, "w")],
    [volume({}), volume({}, "w")],
    [volume({ a: "1" })],
    [volume({ a: "2" })],
    [volume({ b: "1" })],
    [volume({ a: "", b: "1" })],
    [volume({ a: "1" }), volume({}, "w")],
    [volume({}), volume({ a: "1" }, "w")],
  ];
  expect(new Set(sets.map(contentsId)).size).toBe(sets.length);
  expect(contentsId([])).toBe("");
  expect(contentsId([volume({ a: "1" })])).toBe(contentsId([volume({ a: "1" })]));
});

import { expect, test } from "vitest";
import { type CrdLike, definitionsOf } from "../crd/definitions-of.ts";
import { crd, version } from "../testing/crds.ts";
import { TablePrinter } from "./table.ts";

const nowMs = Date.parse("2026-01-01T01:00:00Z");

function cellOf(type: string, value: unknown, jsonPath = ".value"): unknown {
  const versions = [version({ additionalPrinterColumns: [{ name: "Value", type, jsonPath }] })];
  // A CRD as a client sends it has all that definitions are made of.
  const [resource] = definitionsOf(crd({ versions }) as unknown as CrdLike);
  if (!resource) throw new Error("no version is served");
  const { row } = new TablePrinter(resource).table({ version: "v1", include: "None", nowMs, columns: true });
  const { cells } = row({
    apiVersion: "example.com/v1",
    kind: "Boat",
    metadata: { name: "a", uid: "1", resourceVersion: "1", creationTimestamp: "" },
    value,
  }) as {
    readonly cells: readonly unknown[];
  };
  return cells[1];
}

/** As k8s.io/apiextensions-apiserver's table convertor has it. */
test.each([
  { type: "string", value: "a", cell: "a" },
  { type: "string", value: 3, cell: "3" },
  { type: "string", value: true, cell: "true" },
  { type: "string", value: ["a", "b"], cell: '["a","b"]' },
  { type: "string", value: { a: 1 }, cell: '{"a":1}' },
  { type: "string", value: undefined, cell: null },
  { type: "string", value: null, cell: null },
  { type: "integer", value: 3, cell: 3 },
  { type: "integer", value: 3.9, cell: 3 },
  { type: "integer", value: "3", cell: null },
  { type: "number", value: 3.5, cell: 3.5 },
  { type: "boolean", value: false, cell: false },
  { type: "boolean", value: "false", cell: null },
  { type: "date", value: "2026-01-01T00:00:00Z", cell: "60m" },
  { type: "date", value: "2026-01-01", cell: "<invalid>" },
  { type: "date", value: "", cell: "<unknown>" },
  { type: "date", value: 3, cell: null },
])("TablePrinter: $value as $type is $cell", ({ type, value, cell }) => {
  expect(cellOf(type, value)).toEqual(cell);
});

test("TablePrinter: of several values the first is shown", () => {
  expect(cellOf("string", [{ name: "a" }, { name: "b" }], ".value[*].name")).toBe("a");
});

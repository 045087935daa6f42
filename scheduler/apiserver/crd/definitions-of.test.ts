import { describe, expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import { accept, crd, version } from "../testing/crds.ts";
import { acceptNames } from "./accept-names.ts";
import { asCrd, type Crd } from "./crd.ts";
import { definitionsOf } from "./definitions-of.ts";
import { compareVersions } from "./version-order.ts";

function accepted(spec: Parameters<typeof crd>[0]): Crd {
  const given = asCrd(accept(crd(spec)).object);
  return { ...given, status: acceptNames(given, [], "2026-01-01T00:00:00Z") };
}

describe("definitionsOf", () => {
  test("one for each version that is served, the preferred one first", () => {
    const versions = [
      version({ name: "v1beta1", storage: false }),
      version({ name: "v2", served: false, storage: false }),
      version(),
    ];
    expect(definitionsOf(accepted({ versions })).map((one) => one.version)).toEqual(["v1", "v1beta1"]);
  });

  test("everything that a version says", () => {
    const [definition] = definitionsOf(
      accepted({
        scope: "Cluster",
        names: { plural: "boats", kind: "Boat", shortNames: ["bo"], categories: ["all"] },
        versions: [
          version({
            deprecated: true,
            subresources: {
              status: {},
              scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
            },
            selectableFields: [{ jsonPath: ".spec.color" }],
            additionalPrinterColumns: [
              { name: "Color", type: "string", jsonPath: ".spec.color" },
              { name: "Odd", type: "string", jsonPath: ".spec[?(@.a=~1)]" },
            ],
          }),
        ],
      }),
    );
    expect(definition).toMatchObject({
      group: "example.com",
      version: "v1",
      kind: "Boat",
      listKind: "BoatList",
      plural: "boats",
      singular: "boat",
      shortNames: ["bo"],
      categories: ["all"],
      namespaced: false,
      status: true,
      scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
      strategicMerge: false,
      deprecationWarning: "example.com/v1 Boat is deprecated",
      selectableFields: ["spec.color"],
      columns: [
        { name: "Color", cell: { kind: "path", path: ".spec.color" } },
        { name: "Odd", cell: { kind: "function" } },
      ],
    });
  });

  test("the replicas of a kind with scale are not negative", () => {
    const scale = { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" };
    const [definition] = definitionsOf(accepted({ versions: [version({ subresources: { scale } })] }));
    const boat = { kind: "Boat", spec: { replicas: -1 } } as unknown as ApiObject;
    expect(definition?.validate(boat, undefined)).toMatchObject([
      { field: ".spec.replicas", message: "Invalid value: -1: should be a non-negative integer" },
    ]);
  });

  test("without columns there is the age", () => {
    const [definition] = definitionsOf(accepted({}));
    expect(definition?.columns.map(({ name, type }) => ({ name, type }))).toEqual([
      { name: "Age", type: "date" },
    ]);
  });

  test("names that were refused are not served", () => {
    const given = asCrd(accept(crd({ names: { plural: "boats", kind: "Boat", shortNames: ["bo"] } })).object);
    const status = acceptNames(given, [{ group: "example.com", names: { plural: "bo" } }], "");
    expect(definitionsOf({ ...given, status })[0]?.shortNames).toEqual([]);
  });

  test("a kind of another group that is called as one of ours has none of its checks", () => {
    const names = { plural: "boats", kind: "WasmDeployment" };
    const [definition] = definitionsOf(accepted({ names }));
    const object = { kind: "WasmDeployment", spec: { template: { spec: {} } } } as unknown as ApiObject;
    expect(definition?.normalize(object)).toBe(object);
    expect(definition?.validate(object, undefined)).toEqual([]);
  });
});

test("compareVersions: Kubernetes' order", () => {
  const order = [
    "v10",
    "v2",
    "v1",
    "v11beta2",
    "v10beta3",
    "v3beta1",
    "v12alpha1",
    "v11alpha2",
    "foo1",
    "foo10",
  ];
  expect([...order].toSorted(compareVersions)).toEqual(order);
  expect(order.toReversed().toSorted(compareVersions)).toEqual(order);
});

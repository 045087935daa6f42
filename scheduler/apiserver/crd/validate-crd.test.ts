import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { describe, expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { JsonObject } from "../resource.ts";
import { accept, crd, version, withProperties } from "../testing/crds.ts";
import { asCrd } from "./crd.ts";
import { crdWarnings } from "./crd-warnings.ts";

const label1035 =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

test("CustomResourceDefinition: names, conversion and stored versions have defaults", () => {
  const { object, errors, unknown } = accept(crd());
  expect({ errors, unknown }).toEqual({ errors: [], unknown: [] });
  expect(object).toMatchObject({
    spec: {
      names: { plural: "boats", kind: "Boat", singular: "boat", listKind: "BoatList" },
      conversion: { strategy: "None" },
    },
    status: { storedVersions: ["v1"] },
  });
});

test("CustomResourceDefinition: unknown keywords of schemas are found at any depth", () => {
  const given = withProperties({ a: { type: "array", items: { type: "string", patern: "x" } } });
  expect(accept(given).unknown).toEqual([
    "spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.a.items.patern",
  ]);
});

test("CustomResourceDefinition: those of this repository are valid", () => {
  const folder = fileURLToPath(new URL("../../../charts/wherry/crds/", import.meta.url));
  for (const file of readdirSync(folder)) {
    const { errors, unknown } = accept(parse(readFileSync(folder + file, "utf8")) as JsonObject);
    expect({ file, errors, unknown }).toEqual({ file, errors: [], unknown: [] });
  }
});

describe("validateCrd: names, versions, conversion", () => {
  test.each<readonly [name: string, given: JsonObject, errors: readonly string[]]>([
    [
      "a name that is another",
      crd({}, { name: "boats" }),
      ['metadata.name: Invalid value: "boats": must be spec.names.plural+"."+spec.group'],
    ],
    [
      "a group without a dot",
      crd({ group: "example" }, { name: "boats.example" }),
      ['spec.group: Invalid value: "example": should be a domain with at least one dot'],
    ],
    ["no scope", crd({ scope: "" }), ["spec.scope: Required value"]],
    [
      "an unknown scope",
      crd({ scope: "World" }),
      ['spec.scope: Unsupported value: "World": supported values: "Cluster", "Namespaced"'],
    ],
    [
      "an upper-case plural",
      crd({ names: { plural: "Boats", kind: "Boat" } }, { name: "Boats.example.com" }),
      [`spec.names.plural: Invalid value: "Boats": ${label1035}`],
    ],
    [
      "no kind",
      crd({ names: { plural: "boats" } }),
      [
        "spec.names.singular: Required value",
        "spec.names.kind: Required value",
        "spec.names.listKind: Required value",
      ],
    ],
    [
      "a kind with a space",
      crd({ names: { plural: "boats", kind: "A b", singular: "boat" } }),
      [
        `spec.names.kind: Invalid value: "A b": may have mixed case, but should otherwise match: ${label1035}`,
        `spec.names.listKind: Invalid value: "A bList": may have mixed case, but should otherwise match: ${label1035}`,
      ],
    ],
    [
      "a kind as its list's kind",
      crd({ names: { plural: "boats", kind: "Boat", listKind: "Boat" } }),
      ['spec.names.listKind: Invalid value: "Boat": kind and listKind may not be the same'],
    ],
    [
      "a bad short name",
      crd({ names: { plural: "boats", kind: "Boat", shortNames: ["B"] } }),
      [`spec.names.shortNames[0]: Invalid value: "B": ${label1035}`],
    ],
    [
      "no versions",
      crd({ versions: [] }),
      [
        "spec.versions: Invalid value: []: must have exactly one version marked as storage version",
        "status.storedVersions: Invalid value: []: must have at least one stored version",
      ],
    ],
    [
      "a version twice",
      crd({ versions: [version(), version({ storage: false })] }),
      [
        'spec.versions: Invalid value: [{"name":"v1","served":true,"storage":true},{"name":"v1","served":true,"storage":false}]: must contain unique version names',
      ],
    ],
    [
      "two storage versions",
      crd({ versions: [version(), version({ name: "v2" })] }),
      [
        'spec.versions: Invalid value: [{"name":"v1","served":true,"storage":true},{"name":"v2","served":true,"storage":true}]: must have exactly one version marked as storage version',
        'status.storedVersions: Invalid value: ["v1"]: must have the storage version v2',
      ],
    ],
    [
      "a version with a dot",
      crd({ versions: [version({ name: "v1.0" })] }),
      [`spec.versions[0].name: Invalid value: "v1.0": ${label1035}`],
    ],
    [
      "a version without a schema",
      crd({ versions: [version({ schema: undefined })] }),
      ["spec.versions[0].schema.openAPIV3Schema: Required value"],
    ],
    [
      "a warning of a version that is not deprecated",
      crd({ versions: [version({ deprecationWarning: "old" })] }),
      ['spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions'],
    ],
    [
      "a warning with a line break",
      crd({ versions: [version({ deprecated: true, deprecationWarning: "é\nb" })] }),
      [
        'spec.versions[0].deprecationWarning: Invalid value: "é\\nb": must only contain printable UTF-8 characters; non-printable character found at index 2',
      ],
    ],
    [
      "a conversion webhook",
      crd({ conversion: { strategy: "Webhook", webhook: { conversionReviewVersions: ["v1"] } } }),
      [
        'spec.conversion.strategy: Invalid value: "Webhook": conversion webhooks are not served here: use None, which changes the apiVersion only',
      ],
    ],
    [
      "an unknown conversion",
      crd({ conversion: { strategy: "Magic" } }),
      ['spec.conversion.strategy: Unsupported value: "Magic": supported values: "None", "Webhook"'],
    ],
    [
      "everything unknown kept",
      crd({ preserveUnknownFields: true }),
      [
        "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
      ],
    ],
    [
      "Kubernetes' own group",
      crd({ group: "boats.k8s.io" }, { name: "boats.boats.k8s.io" }),
      [
        'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      ],
    ],
    [
      "Kubernetes' own group, approved",
      crd(
        { group: "boats.k8s.io" },
        {
          name: "boats.boats.k8s.io",
          annotations: { "api-approved.kubernetes.io": "https://github.com/kubernetes/enhancements/pull/1" },
        },
      ),
      [],
    ],
    [
      "Kubernetes' own group, unapproved",
      crd(
        { group: "x.kubernetes.io" },
        {
          name: "boats.x.kubernetes.io",
          annotations: { "api-approved.kubernetes.io": "unapproved, a test" },
        },
      ),
      [],
    ],
    [
      "a scale path beside spec",
      crd({
        versions: [
          version({
            subresources: {
              scale: { specReplicasPath: ".replicas", statusReplicasPath: ".status.replicas" },
            },
          }),
        ],
      }),
      [
        'spec.subresources.scale.specReplicasPath: Invalid value: ".replicas": should be a json path under .spec',
      ],
    ],
    [
      "a scale path without a dot",
      crd({
        versions: [
          version({
            subresources: { scale: { specReplicasPath: ".spec.r", statusReplicasPath: "status.r" } },
          }),
        ],
      }),
      [
        'spec.subresources.scale.statusReplicasPath: Invalid value: "status.r": must be a simple json path starting with .',
      ],
    ],
    [
      "a column of an unknown type",
      crd({
        versions: [version({ additionalPrinterColumns: [{ name: "A", type: "text", jsonPath: ".spec.a" }] })],
      }),
      [
        'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
      ],
    ],
    [
      "a column's path without a dot",
      crd({
        versions: [
          version({ additionalPrinterColumns: [{ name: "A", type: "string", jsonPath: "spec.a" }] }),
        ],
      }),
      [
        'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "spec.a": must be a simple json path starting with .',
      ],
    ],
    [
      "a selectable field that is not there",
      crd({ versions: [version({ selectableFields: [{ jsonPath: ".spec.size" }] })] }),
      [
        'spec.selectableFields[0].jsonPath: Invalid value: ".spec.size": is an invalid path: does not refer to a valid field',
      ],
    ],
    [
      "a selectable field that is no scalar",
      crd({ versions: [version({ selectableFields: [{ jsonPath: ".spec" }] })] }),
      [
        'spec.selectableFields[0].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      ],
    ],
    [
      "a selectable field twice",
      crd({
        versions: [version({ selectableFields: [{ jsonPath: ".spec.color" }, { jsonPath: ".spec.color" }] })],
      }),
      ['spec.selectableFields[1].jsonPath: Duplicate value: ".spec.color"'],
    ],
    [
      "a selectable field in brackets",
      crd({ versions: [version({ selectableFields: [{ jsonPath: ".spec['color']" }] })] }),
      [
        "spec.selectableFields[0].jsonPath: Invalid value: \".spec['color']\": is an invalid path: array notation is not allowed",
      ],
    ],
    [
      "versions that differ are named",
      crd({
        versions: [
          version(),
          version({
            name: "v2",
            storage: false,
            schema: { openAPIV3Schema: { type: "object", properties: { a: {} } } },
          }),
        ],
      }),
      [
        "spec.versions[1].schema.openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields",
      ],
    ],
  ])("%s", (_name, given, errors) => {
    expect(accept(given).errors).toEqual(errors);
  });
});

describe("validateCrd: updates", () => {
  const { object: old } = accept(crd());
  const established: ApiObject = {
    ...old,
    status: { storedVersions: ["v1"], conditions: [{ type: "Established", status: "True" }] },
  };
  test.each([
    {
      name: "group",
      spec: { group: "example.org" },
      errors: ['spec.group: Invalid value: "example.org": field is immutable'],
    },
    {
      name: "plural",
      spec: { names: { plural: "ships", kind: "Boat" } },
      errors: ['spec.names.plural: Invalid value: "ships": field is immutable'],
    },
    {
      name: "scope",
      spec: { scope: "Cluster" },
      errors: ['spec.scope: Invalid value: "Cluster": field is immutable'],
    },
    {
      name: "kind",
      spec: { names: { plural: "boats", kind: "Ship", singular: "boat" } },
      errors: ['spec.names.kind: Invalid value: "Ship": field is immutable'],
    },
    {
      name: "short names",
      spec: { names: { plural: "boats", kind: "Boat", shortNames: ["bo"] } },
      errors: [],
    },
    {
      name: "a stored version gone",
      spec: { versions: [version({ name: "v2" })] },
      errors: [
        'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
      ],
    },
    {
      name: "another storage version",
      spec: { versions: [version({ storage: false }), version({ name: "v2" })] },
      errors: [],
    },
  ])("$name", ({ spec: changes, errors }) => {
    expect(accept({ ...crd(changes), status: established["status"] }, established).errors).toEqual(errors);
  });

  test("the new storage version is noted", () => {
    const given = crd({ versions: [version({ storage: false }), version({ name: "v2" })] });
    const { object } = accept({ ...given, status: established["status"] }, established);
    expect(asCrd(object).status.storedVersions).toEqual(["v1", "v2"]);
  });
});

test("crdWarnings: formats that are not checked, the new ones", () => {
  const before = accept(withProperties({ a: { type: "string", format: "phone" } })).object;
  const after = accept(
    withProperties({ a: { type: "string", format: "phone" }, b: { type: "integer", format: "big" } }),
  ).object;
  expect(crdWarnings(asCrd(before), undefined)).toEqual(['unrecognized format "phone"']);
  expect(crdWarnings(asCrd(after), asCrd(before))).toEqual(['unrecognized format "big"']);
});

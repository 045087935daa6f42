/** Whole OpenAPI documents as kubectl reads them: what it prints of a kind is what the kind's schema has. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { builtInResources, Kind } from "../../scheduler/apiserver/registry.ts";
import { isObject, type Schema } from "../../scheduler/apiserver/resource.ts";
import { TestServer } from "../../scheduler/apiserver/testing/test-server.ts";
import { runKubectl } from "../support/kubectl.ts";

let server: TestServer;
let config: string;
beforeAll(async () => {
  server = await TestServer.start();
  config = server.kubeconfig();
});
afterAll(() => server[Symbol.asyncDispose]());

async function explain(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runKubectl(config, ["explain", ...args]);
  expect(code, stderr).toBe(0);
  return stdout;
}

/** The fields of a printed tree, each with those that it is in: `spec.template.spec`. */
function printedPaths(text: string): readonly string[] {
  const open: string[] = [];
  return [...text.matchAll(/^((?: {2})+)(\S+)\t</gm)].map(([, indent = "", name = ""]) => {
    open.length = indent.length / 2 - 1;
    open.push(name);
    return open.join(".");
  });
}

function schemaPaths(schema: Schema, path: string): readonly string[] {
  const inner =
    schema.items ?? (isObject(schema.additionalProperties) ? schema.additionalProperties : schema);
  // As a list of lists.
  if (inner !== schema) return schemaPaths(inner, path);
  // The schema of metadata leaves open what its managed fields hold.
  if (path === "metadata") return [];
  return Object.entries(schema.properties ?? {}).flatMap(([name, one]) => {
    const place = path === "" ? name : `${path}.${name}`;
    return [place, ...schemaPaths(one, place)];
  });
}

// CustomResourceDefinitions hold schemas, which hold schemas.
const resources = builtInResources().filter(({ kind }) => kind !== "CustomResourceDefinition");

test.each(
  resources.map((resource) => ({ resource, name: `${resource.kind} of ${resource.group || "core"}` })),
)("kubectl explain --recursive: all fields of $name and no others", async ({ resource }) => {
  const { group, plural, version } = resource;
  const text = await explain(
    plural,
    "--recursive",
    `--api-version=${group === "" ? "" : `${group}/`}${version}`,
  );
  const printed = printedPaths(text).filter((path) => !path.startsWith("metadata."));
  expect(new Set(printed)).toEqual(new Set(schemaPaths(new Kind(resource).schema, "")));
  expect(printedPaths(text)).toContain("metadata.ownerReferences.blockOwnerDeletion");
});

test.each([
  {
    path: "lease",
    shows: [/^GROUP: +coordination\.k8s\.io$/m, /spec\t<LeaseSpec>/, /metadata\t<ObjectMeta>/],
  },
  { path: "lease.spec", shows: [/^FIELD: spec <LeaseSpec>$/m, /leaseTransitions\t<integer>/] },
  { path: "ns.status", shows: [/conditions\t<\[\]NamespaceCondition>/, /enum: Active, Terminating/] },
  {
    path: "cm.metadata.managedFields",
    shows: [/FIELD: managedFields <\[\]ManagedFieldsEntry>/, /fieldsV1\t<FieldsV1>/],
  },
  { path: "resourcequota.spec.hard", shows: [/FIELD: hard <map\[string\]Quantity>/] },
  { path: "clusterrole.rules", shows: [/<\[\]PolicyRule>/, /verbs\t<\[\]string> -required-/] },
  { path: "sa.imagePullSecrets", shows: [/<\[\]LocalObjectReference>/] },
  {
    path: "crd.spec.versions.schema.openAPIV3Schema.properties.properties",
    shows: [
      /FIELD: properties <map\[string\]JSONSchemaProps>/,
      /additionalProperties\t<JSONSchemaPropsOrBool>/,
    ],
  },
  { path: "wd.spec.replicas", shows: [/FIELD: replicas <integer>/] },
  { path: "wasminstance", shows: [/^GROUP: +live\.wherry\.dev$/m] },
])("kubectl explain $path", async ({ path, shows }) => {
  const text = await explain(path);
  for (const one of shows) expect(text).toMatch(one);
  expect(text).not.toMatch(/x-wherry/);
});

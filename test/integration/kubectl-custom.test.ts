/** kubectl with a user's own kind, and with kustomizations. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { deployment, KubectlSession, manifest } from "../support/kubectl-session.ts";

let k: KubectlSession;
beforeAll(async () => {
  k = await KubectlSession.start();
});
afterAll(() => k[Symbol.asyncDispose]());

const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget", shortNames: ["wg"], categories: ["all"] },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: ".spec.size", statusReplicasPath: ".status.size" },
        },
        additionalPrinterColumns: [
          { name: "Size", type: "integer", jsonPath: ".spec.size" },
          { name: "Color", type: "string", jsonPath: ".spec.color", priority: 1 },
        ],
        selectableFields: [{ jsonPath: ".spec.color" }],
        schema: {
          openAPIV3Schema: {
            type: "object",
            description: "A widget.",
            properties: {
              spec: {
                type: "object",
                required: ["size"],
                "x-kubernetes-validations": [
                  { rule: "self.size < 100 || self.color == 'red'", message: "big ones are red" },
                ],
                properties: {
                  size: { type: "integer", minimum: 1, description: "How big." },
                  color: { type: "string", enum: ["red", "green"], default: "green" },
                  name: {
                    type: "string",
                    "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "name is immutable" }],
                  },
                },
              },
              status: { type: "object", properties: { size: { type: "integer" } } },
            },
          },
        },
      },
    ],
  },
};

function widget(name: string, spec: object = {}) {
  return {
    apiVersion: "example.com/v1",
    kind: "Widget",
    metadata: { name },
    spec: { size: 3, name: "a", ...spec },
  };
}

test("a user's own kind: from its definition to its end", async () => {
  await k.run("create -f -", manifest(definition));
  expect(await k.run("wait crd/widgets.example.com --for=condition=Established --timeout=20s")).toBe(
    "customresourcedefinition.apiextensions.k8s.io/widgets.example.com condition met\n",
  );
  expect(await k.run("apply -f -", manifest(widget("w1")))).toBe("widget.example.com/w1 created\n");
  expect(await k.run("apply -f -", manifest(widget("w1")))).toBe("widget.example.com/w1 unchanged\n");
  expect(await k.run("apply --server-side -f -", manifest(widget("w2", { color: "red" })))).toBe(
    "widget.example.com/w2 serverside-applied\n",
  );
  const [rows, wide, selected, all, explained, described] = await Promise.all([
    k.run("get wg"),
    k.run("get widgets w1 -o wide"),
    k.run("get wg --field-selector spec.color=green -o name"),
    k.run("get all -o name"),
    k.run("explain wg.spec.size"),
    k.run("describe wg w1"),
  ]);
  expect(rows).toMatch(/^NAME +SIZE\nw1 +3\nw2 +3\n$/);
  expect(wide).toMatch(/^NAME +SIZE +COLOR\nw1 +3 +green\n$/);
  expect(selected).toBe("widget.example.com/w1\n");
  expect(all).toContain("widget.example.com/w2\n");
  expect(explained).toMatch(
    /^GROUP: +example\.com\nKIND: +Widget\nVERSION: +v1\n\nFIELD: size <integer>\n[\s\S]* {4}How big\.\n/,
  );
  expect(described).toMatch(/Spec:\n +Color: +green\n +Name: +a\n +Size: +3\nEvents: +<none>\n$/);
  expect(await k.run("scale wg w1 --replicas=5")).toBe("widget.example.com/w1 scaled\n");
  expect(await k.run("get wg w1 -o jsonpath={.spec.size}")).toBe("5");
  const refusals = await Promise.all(
    [{ name: "z" }, { size: 100 }, { size: 0, color: "blue" }, { size: "big" }].map((spec) =>
      k.refused(`patch wg w1 --type=merge -p '${JSON.stringify({ spec })}'`),
    ),
  );
  expect(refusals[0]).toBe('The Widget "w1" is invalid: spec.name: Invalid value: "z": name is immutable\n');
  expect(refusals[1]).toBe('The Widget "w1" is invalid: spec: Invalid value: big ones are red\n');
  expect(refusals[2]).toContain(
    "* spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1\n",
  );
  expect(refusals[2]).toContain(
    '* spec.color: Unsupported value: "blue": supported values: "red", "green"\n',
  );
  expect(refusals[2]).toContain("* <nil>: Invalid value: null: some validation rules were not checked");
  expect(refusals[3]).toContain(
    'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
  );
  expect(await k.run("delete crd widgets.example.com")).toContain("deleted");
  expect(await k.refused("get wg")).toMatch(
    /the server (doesn't have a resource type "wg"|could not find the requested resource)/,
  );
});

test("apply: a definition and an object of it in one go, once the definition is known", async () => {
  const group = "once.example.com";
  const other = {
    ...definition,
    metadata: { name: `gadgets.${group}` },
    spec: { ...definition.spec, group, names: { plural: "gadgets", singular: "gadget", kind: "Gadget" } },
  };
  const gadget = { ...widget("g"), apiVersion: `${group}/v1`, kind: "Gadget" };
  const first = await k.try("apply -f -", { input: manifest(other, gadget) });
  expect(first.stdout).toContain(`gadgets.${group} created`);
  await k.run(`wait crd/gadgets.${group} --for=condition=Established --timeout=20s`);
  expect(await k.run("apply -f -", manifest(other, gadget))).toContain("customresourcedefinition");
  expect(await k.run("get gadgets -o name")).toBe(`gadget.${group}/g\n`);
});

test("apply -k: a kustomization with prefix, generators, labels and patches", async () => {
  await k.run("create ns team");
  k.file("kust/work.yaml", manifest(deployment("work")));
  const kustomization = (value: string) =>
    k.file(
      "kust/kustomization.yaml",
      [
        "namePrefix: pre-",
        "namespace: team",
        "labels: [{pairs: {managed: kust}}]",
        "resources: [work.yaml]",
        `configMapGenerator: [{name: conf, literals: [a=${value}]}]`,
        "secretGenerator: [{name: sec, literals: [p=q]}]",
        "patches:",
        "- target: {kind: WasmDeployment}",
        "  patch: |",
        "    - op: replace",
        "      path: /spec/replicas",
        "      value: 4",
      ].join("\n"),
    );
  kustomization("b");
  const folder = `${k.server.folder}/kust`;
  const created = await k.run(`apply -k ${folder}`);
  expect(created).toMatch(
    /^configmap\/pre-conf-\w{10} created\nsecret\/pre-sec-\w{10} created\nwasmdeployment\.wherry\.dev\/pre-work created\n$/,
  );
  expect(await k.run(`apply -k ${folder}`)).toBe(created.replaceAll("created", "unchanged"));
  expect(await k.run("get wd pre-work -n team -o jsonpath={.spec.replicas}/{.metadata.labels.managed}")).toBe(
    "4/kust",
  );
  kustomization("c");
  const diff = await k.try(`diff -k ${folder}`);
  expect(diff.code, diff.stderr).toBe(1);
  expect(await k.run(`apply -k ${folder}`)).toMatch(
    /^configmap\/pre-conf-\w{10} created\nsecret.* unchanged\n/,
  );
  expect(await k.run(`delete -k ${folder}`)).toContain('"pre-work" deleted from team namespace');
});

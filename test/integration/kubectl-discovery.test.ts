/** What kubectl learns of the server, and what it prints of that. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { KubectlSession } from "../support/kubectl-session.ts";

let k: KubectlSession;
beforeAll(async () => {
  k = await KubectlSession.start();
});
afterAll(() => k[Symbol.asyncDispose]());

test("version, api-versions, raw paths", async () => {
  const [version, versions, raw, ready, live, openApi, apis] = await Promise.all([
    k.run("version"),
    k.run("api-versions"),
    k.run("get --raw /version"),
    k.run("get --raw /readyz?verbose"),
    k.run("get --raw /livez"),
    k.run("get --raw /openapi/v3"),
    k.run("get --raw /apis"),
  ]);
  expect(version).toMatch(/^Server Version: v1\.35\./m);
  const groupVersions = versions.trim().split("\n");
  expect(groupVersions).toEqual(
    expect.arrayContaining([
      "apiextensions.k8s.io/v1",
      "authentication.k8s.io/v1",
      "authorization.k8s.io/v1",
      "coordination.k8s.io/v1",
      "events.k8s.io/v1",
      "live.wherry.dev/v1alpha1",
      "rbac.authorization.k8s.io/v1",
      "scheduling.k8s.io/v1",
      "v1",
      "wherry.dev/v1alpha1",
    ]),
  );
  expect(JSON.parse(raw)).toMatchObject({ major: "1", minor: "35" });
  expect(ready).toContain("[+]ping ok\n");
  expect(ready).toMatch(/readyz check passed\n$/);
  expect(live).toBe("ok");
  expect(JSON.parse(openApi)).toHaveProperty(["paths", "apis/wherry.dev/v1alpha1"]);
  expect(JSON.parse(apis)).toMatchObject({ kind: "APIGroupList" });
});

test("api-resources: wide, by verbs, by scope, by group", async () => {
  const [wide, clusterScoped, group, names] = await Promise.all([
    k.run("api-resources -o wide --no-headers"),
    k.run("api-resources --namespaced=false --verbs=list,create --no-headers"),
    k.run("api-resources --api-group=wherry.dev --no-headers"),
    k.run("api-resources -o name --sort-by=name"),
  ]);
  expect(wide).toMatch(
    /^wasmdeployments +wd +wherry\.dev\/v1alpha1 +true +WasmDeployment +delete,deletecollection,get,list,patch,create,update,watch +\S*wherry/m,
  );
  expect(wide).toMatch(
    /^selfsubjectreviews +authentication\.k8s\.io\/v1 +false +SelfSubjectReview +create *$/m,
  );
  const kinds = clusterScoped
    .trim()
    .split("\n")
    .map((line) => line.split(/ +/).at(-1));
  expect(kinds).toEqual(
    expect.arrayContaining([
      "ClusterRole",
      "CustomResourceDefinition",
      "Namespace",
      "PriorityClass",
      "WasmNode",
    ]),
  );
  expect(kinds).not.toContain("ConfigMap");
  expect(kinds).not.toContain("SubjectAccessReview");
  expect(group.trim().split("\n").length).toBeGreaterThanOrEqual(3);
  expect(names).toMatch(/^configmaps$/m);
  expect(names).toMatch(/^wasmjobs\.wherry\.dev$/m);
});

test("explain: our kinds, core kinds, one field, all fields, what is not there", async () => {
  const [volumes, recursive, core, crd, itself, unknown, missing] = await Promise.all([
    k.run("explain wd.spec.template.spec.volumes"),
    k.run("explain wasmdeployments --recursive"),
    k.run("explain secret.type"),
    k.run("explain crd.spec.versions.schema.openAPIV3Schema.properties"),
    k.run("explain wd.metadata.ownerReferences"),
    k.refused("explain wd.spec.nothing"),
    k.refused("explain nothing"),
  ]);
  expect(volumes).toMatch(
    /^GROUP: +wherry\.dev\nKIND: +WasmDeployment\nVERSION: +v1alpha1\n\nFIELD: volumes <\[\]Object>\n/,
  );
  expect(volumes).toMatch(/^ {2}name\t<string> -required-$/m);
  expect(recursive).toMatch(/^ {2}metadata\t<ObjectMeta>\n {4}annotations\t<map\[string\]string>$/m);
  expect(recursive).toMatch(/^ {4}replicas\t<integer>$/m);
  expect(core).toMatch(/FIELD: type <string>/);
  expect(crd).toMatch(/JSONSchemaProps/);
  expect(itself).toMatch(/^ {2}uid\t<string> -required-$/m);
  expect(unknown).toContain('error: field "nothing" does not exist');
  expect(missing).toContain(`the server doesn't have a resource type "nothing"`);
});

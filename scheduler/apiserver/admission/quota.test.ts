import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import { aMeta, aResourceQuota } from "../../core/testing/builders.ts";
import { schedulerUser } from "../authentication/user.ts";
import { coreKind } from "../kinds/descriptor.ts";
import type { ResourceDefinition } from "../resource.ts";
import { ApiError } from "../status.ts";
import type { AdmissionRequest } from "./admission.ts";
import { QuotaAdmission } from "./quota.ts";

const configMaps = coreKind({ kind: "ConfigMap", plural: "configmaps", schema: {}, columns: [] });
const events = coreKind({ kind: "Event", plural: "events", schema: {}, columns: [] });
const namespaces = coreKind({
  kind: "Namespace",
  plural: "namespaces",
  schema: {},
  columns: [],
  namespaced: false,
});
const deployments = coreKind({
  kind: "WasmDeployment",
  plural: "wasmdeployments",
  group: "wherry.dev",
  schema: {},
  columns: [],
});

/** A namespace with `stored` objects of each kind. */
function aNamespace(quotas: readonly ApiObject[], stored: number) {
  const names = new Set(Array.from({ length: stored }, (_, i) => `stored-${i}`));
  const quota = new QuotaAdmission({
    quotas: (namespace) => (namespace === "default" ? quotas : []),
    count: () => names.size,
    exists: (_group, _plural, _namespace, name) => names.has(name),
  });
  const admit = (request: Partial<AdmissionRequest> = {}) =>
    quota.admit({
      operation: "create",
      resource: configMaps,
      subresource: "",
      user: schedulerUser,
      object: objectNamed("x"),
      old: undefined,
      dryRun: false,
      ...request,
    });
  return { names, admit };
}

function objectNamed(name: string, namespace = "default"): ApiObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: aMeta(name, { namespace }) };
}

function refusal(admit: () => unknown): string | undefined {
  try {
    admit();
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof ApiError) || thrown.reason !== "Forbidden") throw thrown;
    return thrown.message;
  }
}

const two = aResourceQuota("q", { "count/configmaps": "2" });
const used2 =
  'configmaps "x" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=2, limited: count/configmaps=2';

const refused: readonly {
  name: string;
  quotas: readonly ApiObject[];
  stored: number;
  request?: Partial<AdmissionRequest>;
  message: string | undefined;
}[] = [
  { name: "room is left", quotas: [two], stored: 1, message: undefined },
  { name: "no room is left", quotas: [two], stored: 2, message: used2 },
  { name: "no quota", quotas: [], stored: 9, message: undefined },
  {
    name: "the old name and the new one",
    quotas: [aResourceQuota("q", { "count/configmaps": 1, configmaps: "2", secrets: "0" })],
    stored: 2,
    message:
      'configmaps "x" is forbidden: exceeded quota: q, requested: configmaps=1,count/configmaps=1, used: configmaps=2,count/configmaps=2, limited: configmaps=2,count/configmaps=1',
  },
  {
    name: "only the exceeded name is told",
    quotas: [aResourceQuota("q", { "count/configmaps": "5", configmaps: "2" })],
    stored: 2,
    message:
      'configmaps "x" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=2, limited: configmaps=2',
  },
  {
    name: "all of several quotas must allow it",
    quotas: [aResourceQuota("roomy", { "count/configmaps": "9" }), two],
    stored: 2,
    message: used2,
  },
  {
    name: "a kind of a group",
    quotas: [aResourceQuota("q", { "count/wasmdeployments.wherry.dev": "1000" })],
    stored: 2000,
    request: { resource: deployments },
    message:
      'wasmdeployments.wherry.dev "x" is forbidden: exceeded quota: q, requested: count/wasmdeployments.wherry.dev=1, used: count/wasmdeployments.wherry.dev=2k, limited: count/wasmdeployments.wherry.dev=1k',
  },
  {
    name: "another kind",
    quotas: [two],
    stored: 2,
    request: { resource: deployments },
    message: undefined,
  },
  {
    name: "a kind without its group in the name",
    quotas: [aResourceQuota("q", { "count/wasmdeployments": "0" })],
    stored: 2,
    request: { resource: deployments },
    message: undefined,
  },
  {
    name: "another namespace",
    quotas: [two],
    stored: 2,
    request: { object: objectNamed("x", "other") },
    message: undefined,
  },
  { name: "an update", quotas: [two], stored: 3, request: { operation: "update" }, message: undefined },
  { name: "a delete", quotas: [two], stored: 3, request: { operation: "delete" }, message: undefined },
  { name: "a dry run, too", quotas: [two], stored: 2, request: { dryRun: true }, message: used2 },
  {
    name: "events are not counted",
    quotas: [aResourceQuota("q", { "count/events": "0" })],
    stored: 1,
    request: { resource: events },
    message: undefined,
  },
  {
    name: "a cluster-scoped kind",
    quotas: [aResourceQuota("q", { "count/namespaces": "0" })],
    stored: 1,
    request: { resource: namespaces },
    message: undefined,
  },
  {
    name: "a quota with scopes counts no objects",
    quotas: [aResourceQuota("q", { "count/configmaps": "0" }, { scopes: ["NotTerminating"] })],
    stored: 2,
    message: undefined,
  },
  {
    name: "what is no quantity limits nothing",
    quotas: [aResourceQuota("q", { "count/configmaps": "many", constructor: "0", __proto__: "0" })],
    stored: 2,
    message: undefined,
  },
];

test.each(refused)("QuotaAdmission.admit: $name", ({ quotas, stored, request, message }) => {
  const { admit } = aNamespace(quotas, stored);
  expect(refusal(() => admit(request))).toBe(message);
});

test("QuotaAdmission.admit: a create under way counts until it is over, and once when it is stored", () => {
  const { admit, names } = aNamespace([two], 0);
  const first = admit({ object: objectNamed("a") });
  const second = admit({ object: objectNamed("b") });
  expect(refusal(() => admit())).toBe(used2);
  names.add("a");
  expect(refusal(() => admit())).toBe(used2);
  first?.[Symbol.dispose]();
  expect(refusal(() => admit())).toBe(used2);
  second?.[Symbol.dispose]();
  second?.[Symbol.dispose]();
  expect(refusal(() => admit())).toBeUndefined();
});

test("QuotaAdmission.admit: a dry run reserves nothing", () => {
  const { admit } = aNamespace([two], 1);
  expect(admit({ dryRun: true })).toBeUndefined();
  expect(refusal(() => admit())).toBeUndefined();
});

test("QuotaAdmission.admit: whatever the order of commits, never more objects than the quota says", () => {
  const step = fc.record({
    create: fc.integer({ min: 0, max: 12 }),
    settle: fc.integer({ min: 0, max: 12 }),
    fails: fc.boolean(),
    early: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 6 }), fc.array(step, { maxLength: 60 }), (limit, steps) => {
      const { admit, names } = aNamespace([aResourceQuota("q", { "count/configmaps": limit })], 0);
      const underWay: { readonly name: string; readonly reservation: Disposable | undefined }[] = [];
      for (const { create, settle, fails, early } of steps) {
        const name = `n${create}`;
        const isNew = !names.has(name) && underWay.every((other) => other.name !== name);
        const expected = names.size + underWay.filter((other) => !names.has(other.name)).length < limit;
        let reservation: Disposable | undefined;
        const why = isNew && refusal(() => (reservation = admit({ object: objectNamed(name) })));
        if (isNew) expect(why === undefined).toBe(expected);
        if (isNew && expected) underWay.push({ name, reservation });
        if (early && underWay[0]) names.add(underWay[0].name);
        const [done] = underWay.splice(settle % 3, settle % 2);
        if (done && !fails) names.add(done.name);
        done?.reservation?.[Symbol.dispose]();
        expect(names.size).toBeLessThanOrEqual(limit);
      }
    }),
  );
});

test("QuotaAdmission.admit: asks nothing more of a namespace without quotas", () => {
  const fail = (): never => {
    throw new Error("was asked");
  };
  const quota = new QuotaAdmission({ quotas: () => [], count: fail, exists: fail });
  const request: AdmissionRequest = {
    operation: "create",
    resource: configMaps satisfies ResourceDefinition,
    subresource: "",
    user: schedulerUser,
    object: objectNamed("x"),
    old: undefined,
    dryRun: false,
  };
  expect(quota.admit(request)).toBeUndefined();
});

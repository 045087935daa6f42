/**
 * What every cluster has from its first start, seen to at every start: namespaces, default roles, the priority classes of
 * the system, our own definitions.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { ApiObject } from "../../../api/object-meta.ts";
import { Bug, errorCode } from "../../../kit/errors.ts";
import { bootstrapPolicy } from "../authorization/bootstrap-policy.ts";
import { reconcileBootstrap } from "../authorization/bootstrap-reconcile.ts";
import { rbacGroup } from "../authorization/policy.ts";
import { schedulerUser } from "../authentication/user.ts";
import { crdResource } from "../crd/crd-controller.ts";
import { systemPriorityClasses } from "../kinds/priority-class.ts";
import type { Kind, Registry } from "../registry.ts";
import type { JsonObject } from "../resource.ts";
import type { StoreCache } from "../storage/store-cache.ts";
import { permanentNamespaces } from "./deletion.ts";
import { internalWrite, type ObjectWriter } from "./object-writer.ts";

export interface BootstrapParts {
  readonly registry: Registry;
  readonly cache: StoreCache;
  readonly writer: ObjectWriter;
}

/** At once, so that what is written at the first start shares its commits. */
export async function bootstrap(parts: BootstrapParts, crds: readonly JsonObject[]): Promise<void> {
  await Promise.all([
    ...permanentNamespaces.map((name) => ensureNamespace(parts, name)),
    ensurePolicy(parts),
    ...systemPriorityClasses.map((object) => ensurePriorityClass(parts, object)),
    ...crds.map((crd) => ensureCrd(parts, crd)),
  ]);
}

/** The CustomResourceDefinitions of a folder, as they stand in their files. */
export function readCrds(folder: string): readonly JsonObject[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .map((name) => parse(readFileSync(join(folder, name), "utf8")) as JsonObject);
}

async function ensureNamespace(parts: BootstrapParts, name: string): Promise<void> {
  const kind = kindOf(parts, "", "namespaces");
  if (parts.cache.of(kind.resource).get("", name)) return;
  await create(parts, kind, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
}

async function ensurePriorityClass(parts: BootstrapParts, object: JsonObject): Promise<void> {
  const kind = kindOf(parts, "scheduling.k8s.io", "priorityclasses");
  const { name } = (object as unknown as ApiObject).metadata;
  if (!parts.cache.of(kind.resource).get("", name)) await create(parts, kind, object);
}

async function ensurePolicy(parts: BootstrapParts): Promise<void> {
  const { registry, cache, writer } = parts;
  const kinds = {
    ClusterRole: kindOf(parts, rbacGroup, "clusterroles"),
    ClusterRoleBinding: kindOf(parts, rbacGroup, "clusterrolebindings"),
  } as const;
  const existing = Object.values(kinds).flatMap(({ resource }) => cache.of(resource).list(undefined));
  const wanted = bootstrapPolicy(registry.kinds.map(({ resource }) => resource));
  const steps = reconcileBootstrap(existing, wanted).map(async (step) => {
    const kind = step.object.kind === "ClusterRole" ? kinds.ClusterRole : kinds.ClusterRoleBinding;
    const { name } = step.object.metadata;
    if (step.kind === "recreate")
      await writer.delete(kind, "", name, {
        user: schedulerUser,
        dryRun: false,
        uid: step.old.metadata.uid,
        resourceVersion: undefined,
        policy: undefined,
      });
    if (step.kind === "update") await replace(parts, kind, step.object);
    else await create(parts, kind, { ...step.object });
  });
  await Promise.all(steps);
}

async function ensureCrd(parts: BootstrapParts, crd: JsonObject): Promise<void> {
  const kind = kindOf(parts, crdResource.group, crdResource.plural);
  const { name } = (crd as unknown as ApiObject).metadata;
  const stored = parts.cache.of(crdResource).get("", name);
  if (!stored) return create(parts, kind, crd);
  await replace(parts, kind, { ...stored, spec: crd["spec"] });
}

async function replace({ writer }: BootstrapParts, kind: Kind, object: ApiObject): Promise<void> {
  const { resourceVersion: _, ...metadata } = object.metadata;
  const submitted = { object: { ...object, metadata }, duplicateFields: [] };
  await writer.update(kind, "", metadata.name, "", () => submitted, internalWrite);
}

async function create({ writer }: BootstrapParts, kind: Kind, object: JsonObject): Promise<void> {
  try {
    await writer.create(kind, "", { object, duplicateFields: [] }, internalWrite);
  } catch (thrown) {
    if (errorCode(thrown) !== "AlreadyExists") throw thrown;
  }
}

function kindOf({ registry }: BootstrapParts, group: string, plural: string): Kind {
  const kind = registry.findPlural(group, plural);
  if (!kind) throw new Bug(`the kind ${plural} of group ${group} is not defined`);
  return kind;
}

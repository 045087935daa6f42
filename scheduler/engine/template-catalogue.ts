/**
 * The current template of every workload, resolved once and shared by all its instances. An entry is made when it is
 * first needed and dropped when the workload, or a ConfigMap or Secret that it reads, changes.
 */
import { createHash } from "node:crypto";
import type { InstanceSpec, InstanceTemplate } from "../../api/gen/kinds.gen.ts";
import { cpuMillis, memoryBytes } from "../../api/quantity.ts";
import { ownerLabel, templateHashLabel } from "../core/labels.ts";
import type { Owner, PlacementRequirements, Resources } from "../core/model.ts";
import type { ComputeResource } from "../core/quota/compute-resources.ts";
import {
  configReferences,
  resolveContents,
  resolveTemplate,
  type ConfigKind,
  type ConfigLookup,
} from "../core/templates/resolve-template.ts";
import { requirementsOf } from "../core/templates/requirements.ts";
import { canonicalJson } from "../core/templates/template-hash.ts";
import type { Contents, NodeTemplate } from "../nodes/node-port.ts";
import { contentsId, nodeTemplate } from "./node-template.ts";

export type TemplateOutcome =
  | { readonly kind: "resolved"; readonly template: NodeTemplate }
  | { readonly kind: "missing"; readonly reason: string; readonly message: string };

export type FilesOutcome =
  | { readonly kind: "resolved"; readonly contents: Contents }
  | { readonly kind: "missing"; readonly message: string };

export interface CatalogueEntry {
  readonly templateHash: string;
  /** As its instances get them; one value for all of them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly requirements: PlacementRequirements;
  readonly limits: Resources;
  /** What the template leaves open, which matters to quotas. */
  readonly unspecified: ReadonlySet<ComputeResource>;
  readonly outcome: TemplateOutcome;
  /** The files alone, for instances that run. */
  readonly files: FilesOutcome;
}

export interface TemplateOwner extends Owner {
  readonly namespace: string;
  readonly template: InstanceTemplate;
}

interface Cached {
  readonly entry: CatalogueEntry;
  readonly references: readonly string[];
}

export class TemplateCatalogue {
  readonly #lookup: (namespace: string) => ConfigLookup;
  readonly #cached = new Map<string, Cached>();
  readonly #readers = new Map<string, Set<string>>();

  constructor(lookup: (namespace: string) => ConfigLookup) {
    this.#lookup = lookup;
  }

  entry(owner: TemplateOwner): CatalogueEntry {
    const cached = this.#cached.get(owner.uid);
    if (cached) return cached.entry;
    const { spec } = owner.template;
    const lookup = this.#lookup(owner.namespace);
    const resolved = resolveTemplate(spec, lookup);
    const outcome: TemplateOutcome =
      resolved.kind === "resolved"
        ? { kind: "resolved", template: nodeTemplate(owner.uid, resolved.body) }
        : resolved;
    const hash = templateHash(owner.template);
    const labels = {
      ...owner.template.metadata?.labels,
      [ownerLabel[owner.kind]]: owner.name,
      [templateHashLabel]: hash,
    };
    const { uid: ownerUid, namespace } = owner;
    const entry: CatalogueEntry = {
      templateHash: hash,
      labels,
      requirements: requirementsOf({ ownerUid, namespace, labels, spec }),
      ...declaredLimits(owner.template),
      outcome,
      files: filesOf(outcome, spec, lookup),
    };
    const references = configReferences(spec).map(({ kind, name }) => configKey(kind, owner.namespace, name));
    this.#cached.set(owner.uid, { entry, references });
    for (const reference of references) this.#readersOf(reference).add(owner.uid);
    return entry;
  }

  /** The workload changed or is gone. Answers whether it read a ConfigMap or Secret. */
  drop(ownerUid: string): boolean {
    const cached = this.#cached.get(ownerUid);
    if (!cached) return false;
    this.#cached.delete(ownerUid);
    for (const reference of cached.references) {
      const readers = this.#readersOf(reference);
      readers.delete(ownerUid);
      if (readers.size === 0) this.#readers.delete(reference);
    }
    return cached.references.length > 0;
  }

  /** Drops what read this ConfigMap or Secret and returns those workloads' uids. */
  configChanged(kind: ConfigKind, namespace: string, name: string): readonly string[] {
    const readers = [...(this.#readers.get(configKey(kind, namespace, name)) ?? [])];
    for (const uid of readers) this.drop(uid);
    return readers;
  }

  #readersOf(reference: string): Set<string> {
    const readers = this.#readers.get(reference) ?? new Set();
    this.#readers.set(reference, readers);
    return readers;
  }
}

function configKey(kind: ConfigKind, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

export function templateHash(template: InstanceTemplate): string {
  return createHash("sha256").update(canonicalJson(template)).digest("hex").slice(0, 10);
}

function filesOf(outcome: TemplateOutcome, spec: InstanceSpec, lookup: ConfigLookup): FilesOutcome {
  if (outcome.kind === "resolved") return { kind: "resolved", contents: outcome.template };
  const files = resolveContents(spec, lookup);
  if (files.kind === "missing") return files;
  const { contents } = files;
  return { kind: "resolved", contents: { contents, contentsId: contentsId(contents) } };
}

function declaredLimits({ spec }: InstanceTemplate): Pick<CatalogueEntry, "limits" | "unspecified"> {
  const { requests, limits } = spec.resources;
  const unspecified = new Set<ComputeResource>();
  if (limits?.cpu === undefined) unspecified.add("limits.cpu");
  if (limits?.memory === undefined) unspecified.add("limits.memory");
  if ((requests?.cpu ?? limits?.cpu) === undefined) unspecified.add("requests.cpu");
  if ((requests?.memory ?? limits?.memory) === undefined) unspecified.add("requests.memory");
  return {
    limits: {
      cpuMillis: limits?.cpu === undefined ? 0 : cpuMillis(limits.cpu),
      memoryBytes: limits?.memory === undefined ? 0 : memoryBytes(limits.memory),
    },
    unspecified,
  };
}

/**
 * The templates of every workload, the current one and those of its revisions, each resolved once and shared by all its
 * instances. An entry is made when it is first needed and dropped when the workload, or a ConfigMap or Secret that it
 * reads, changes.
 */
import type { InstanceSpec, InstanceTemplate } from "../../api/gen/kinds.gen.ts";
import { cpuMillis, memoryBytes } from "../../api/quantity.ts";
import { daemonTolerations } from "../core/daemon-tolerations.ts";
import { configDigestAnnotation, ownerLabel, templateHashLabel } from "../core/labels.ts";
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
import type { Contents, NodeTemplate } from "../nodes/node-port.ts";
import { ConfigDigests } from "./config-digests.ts";
import { contentsId, nodeTemplate } from "./node-template.ts";
import { templateHash } from "./template-hash.ts";

export type TemplateOutcome =
  | { readonly kind: "resolved"; readonly template: NodeTemplate }
  | { readonly kind: "missing"; readonly reason: string; readonly message: string };

/** What running instances see: the volumes that can be filled in now. */
export interface Files {
  readonly contents: Contents;
  /** Why that is not all of them. */
  readonly missing: string | undefined;
}

export interface CatalogueEntry {
  readonly templateHash: string;
  /** Where changes of configuration are rolled out, with the digest of what it reads. */
  readonly template: InstanceTemplate;
  /** As its instances get them; one value for all of them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly requirements: PlacementRequirements;
  readonly limits: Resources;
  /** What the template leaves open, which matters to quotas. */
  readonly unspecified: ReadonlySet<ComputeResource>;
  readonly outcome: TemplateOutcome;
  readonly files: Files;
}

export interface TemplateOwner extends Owner {
  readonly namespace: string;
  /** As declared. */
  readonly template: InstanceTemplate;
  /** Whether what the template reads is part of it: `rolloutOnConfigChange`. */
  readonly includesConfiguration: boolean;
}

export interface CatalogueSources {
  readonly lookup: (namespace: string) => ConfigLookup;
  /** A template that the workload has had; undefined: it is not kept. */
  readonly revisionTemplate: (ownerUid: string, templateHash: string) => InstanceTemplate | undefined;
  /** The one that was current last; undefined: none is kept. */
  readonly latestTemplate: (ownerUid: string) => InstanceTemplate | undefined;
}

interface OwnerEntries {
  current: CatalogueEntry | undefined;
  /** The current one included. */
  readonly byHash: Map<string, CatalogueEntry>;
  readonly references: Set<string>;
}

export class TemplateCatalogue {
  readonly #sources: CatalogueSources;
  readonly #cached = new Map<string, OwnerEntries>();
  readonly #readers = new Map<string, Set<string>>();
  readonly #configDigests: ConfigDigests;

  constructor(sources: CatalogueSources) {
    this.#sources = sources;
    this.#configDigests = new ConfigDigests(
      (uid) => sources.latestTemplate(uid)?.metadata?.annotations?.[configDigestAnnotation],
    );
  }

  /** Of the current template. */
  entry(owner: TemplateOwner): CatalogueEntry {
    const entries = this.#entriesOf(owner.uid);
    if (entries.current) return entries.current;
    const lookup = this.#sources.lookup(owner.namespace);
    const template = owner.includesConfiguration
      ? this.#configDigests.addTo(owner.template, owner.uid, lookup)
      : owner.template;
    entries.current = this.#make(owner, template, entries);
    return entries.current;
  }

  /** Of the current template or one that the workload has had; undefined: that one is not kept. */
  entryOf(owner: TemplateOwner, templateHash: string): CatalogueEntry | undefined {
    const current = this.entry(owner);
    if (current.templateHash === templateHash) return current;
    const entries = this.#entriesOf(owner.uid);
    const known = entries.byHash.get(templateHash);
    if (known) return known;
    const template = this.#sources.revisionTemplate(owner.uid, templateHash);
    return template && this.#make(owner, template, entries);
  }

  /** The workload, or what is kept of its templates, changed. Answers whether it read a ConfigMap or Secret. */
  drop(ownerUid: string): boolean {
    const cached = this.#cached.get(ownerUid);
    if (!cached) return false;
    this.#cached.delete(ownerUid);
    for (const reference of cached.references) {
      const readers = this.#readersOf(reference);
      readers.delete(ownerUid);
      if (readers.size === 0) this.#readers.delete(reference);
    }
    return cached.references.size > 0;
  }

  /** Changes of what it reads make no other template of its current one, until `release`. False: there is nothing to hold. */
  hold(ownerUid: string): boolean {
    return this.#configDigests.hold(ownerUid);
  }

  release(ownerUid: string): void {
    this.#configDigests.release(ownerUid);
    this.drop(ownerUid);
  }

  /** The workload is gone. */
  forget(ownerUid: string): void {
    this.drop(ownerUid);
    this.#configDigests.forget(ownerUid);
  }

  /** Drops what read this ConfigMap or Secret and returns those workloads' uids. */
  configChanged(kind: ConfigKind, namespace: string, name: string): readonly string[] {
    const readers = [...(this.#readers.get(configKey(kind, namespace, name)) ?? [])];
    for (const uid of readers) this.drop(uid);
    return readers;
  }

  #make(owner: TemplateOwner, template: InstanceTemplate, entries: OwnerEntries): CatalogueEntry {
    const { spec } = template;
    const { uid: ownerUid, namespace } = owner;
    const lookup = this.#sources.lookup(namespace);
    const resolved = resolveTemplate(spec, lookup);
    const outcome: TemplateOutcome =
      resolved.kind === "resolved"
        ? { kind: "resolved", template: nodeTemplate(ownerUid, resolved.body) }
        : resolved;
    const hash = templateHash(template);
    const labels = {
      ...template.metadata?.labels,
      [ownerLabel[owner.kind]]: owner.name,
      [templateHashLabel]: hash,
    };
    const entry: CatalogueEntry = {
      templateHash: hash,
      template,
      labels,
      requirements: requirementsOf({
        ownerUid,
        namespace,
        labels,
        spec,
        tolerations: owner.kind === "WasmDaemonSet" ? daemonTolerations : [],
      }),
      ...declaredLimits(template),
      outcome,
      files: filesOf(outcome, spec, lookup),
    };
    entries.byHash.set(hash, entry);
    for (const { kind, name } of configReferences(spec)) {
      const reference = configKey(kind, namespace, name);
      entries.references.add(reference);
      this.#readersOf(reference).add(ownerUid);
    }
    return entry;
  }

  #entriesOf(ownerUid: string): OwnerEntries {
    const entries = this.#cached.get(ownerUid) ?? {
      current: undefined,
      byHash: new Map<string, CatalogueEntry>(),
      references: new Set<string>(),
    };
    this.#cached.set(ownerUid, entries);
    return entries;
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

function filesOf(outcome: TemplateOutcome, spec: InstanceSpec, lookup: ConfigLookup): Files {
  if (outcome.kind === "resolved") return { contents: outcome.template, missing: undefined };
  const { contents, missing } = resolveContents(spec, lookup);
  return { contents: { contents, contentsId: contentsId(contents) }, missing };
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

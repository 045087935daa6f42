/**
 * From a declared template to what a node needs: variables and files of ConfigMaps and Secrets filled in, so that a
 * daemon never reads the API. Pure: the objects are looked up through an argument.
 */
import type { EnvVar, InstanceSpec, KeyPath, Volume } from "../../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import { assertNever } from "../../../kit/errors.ts";

export type ConfigKind = "ConfigMap" | "Secret";

/** Looks up a ConfigMap or Secret in the workload's namespace; undefined: there is none. */
export type ConfigLookup = (kind: ConfigKind, name: string) => ApiObject | Unreadable | undefined;

/** It is there, and nobody can read it: the key that it is encrypted with is lost, for example. */
export class Unreadable {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

export interface VolumeFile {
  readonly path: string;
  readonly data: Uint8Array;
}

export interface VolumeContent {
  readonly volume: string;
  readonly secret: boolean;
  readonly files: readonly VolumeFile[];
}

/** `spec` is the template's with every variable plain, except those from fieldRef, which only the node can fill in. */
export interface TemplateBody {
  readonly spec: InstanceSpec;
  readonly contents: readonly VolumeContent[];
}

export type ResolveOutcome =
  | { readonly kind: "resolved"; readonly body: TemplateBody }
  /** Something the template refers to does not exist (yet), or cannot be read. The reason becomes the instance's. */
  | { readonly kind: "missing"; readonly reason: string; readonly message: string };

interface Reference {
  readonly kind: ConfigKind;
  readonly name: string;
}

/** Which ConfigMaps and Secrets a template reads, so that the caller knows whose change concerns it. */
export function configReferences(spec: InstanceSpec): readonly Reference[] {
  const references: Reference[] = [];
  for (const source of spec.envFrom ?? []) {
    if (source.configMapRef) references.push({ kind: "ConfigMap", name: source.configMapRef.name });
    if (source.secretRef) references.push({ kind: "Secret", name: source.secretRef.name });
  }
  for (const { valueFrom } of spec.env ?? []) {
    if (valueFrom?.configMapKeyRef)
      references.push({ kind: "ConfigMap", name: valueFrom.configMapKeyRef.name });
    if (valueFrom?.secretKeyRef) references.push({ kind: "Secret", name: valueFrom.secretKeyRef.name });
  }
  for (const volume of spec.volumes ?? []) {
    if (volume.configMap) references.push({ kind: "ConfigMap", name: volume.configMap.name });
    if (volume.secret) references.push({ kind: "Secret", name: volume.secret.secretName });
  }
  return references;
}

/** Ends a resolution early; never leaves this file. */
class Missing extends Error {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

type MissingOutcome = Extract<ResolveOutcome, { kind: "missing" }>;

/** The volumes whose files are there, and why that is not all of them. */
export interface AvailableContents {
  readonly contents: readonly VolumeContent[];
  readonly missing: string | undefined;
}

export function resolveTemplate(spec: InstanceSpec, lookup: ConfigLookup): ResolveOutcome {
  return unlessMissing(() => {
    const { envFrom: _, ...rest } = spec;
    const env = resolveEnv(spec, lookup);
    const contents = (spec.volumes ?? []).flatMap((volume) => resolveVolume(volume, lookup));
    return { kind: "resolved", body: { spec: { ...rest, ...(env.length > 0 ? { env } : {}) }, contents } };
  });
}

/**
 * For running instances, whose volumes change each by itself: also while another one, or a variable, could not be filled in for
 * new instances.
 */
export function resolveContents(spec: InstanceSpec, lookup: ConfigLookup): AvailableContents {
  const contents: VolumeContent[] = [];
  let missing: string | undefined;
  for (const volume of spec.volumes ?? []) {
    const outcome = unlessMissing(
      () => ({ kind: "resolved", found: resolveVolume(volume, lookup) }) as const,
    );
    if (outcome.kind === "resolved") contents.push(...outcome.found);
    else missing ??= outcome.message;
  }
  return { contents, missing };
}

function unlessMissing<Outcome>(resolve: () => Outcome): Outcome | MissingOutcome {
  try {
    return resolve();
  } catch (thrown) {
    if (thrown instanceof Missing) return { kind: "missing", reason: thrown.reason, message: thrown.message };
    throw thrown;
  }
}

function resolveEnv(spec: InstanceSpec, lookup: ConfigLookup): readonly EnvVar[] {
  const variables = new Map<string, EnvVar>();
  for (const source of spec.envFrom ?? []) {
    const reference = source.configMapRef ?? source.secretRef;
    if (!reference) continue;
    const kind = source.configMapRef ? "ConfigMap" : "Secret";
    const object = find({ kind, name: reference.name }, reference.optional, lookup);
    for (const [key, value] of object ? textEntries(kind, object) : []) {
      const name = `${source.prefix ?? ""}${key}`;
      variables.set(name, { name, value });
    }
  }
  for (const variable of spec.env ?? []) {
    const resolved = resolveVariable(variable, lookup);
    if (resolved) variables.set(resolved.name, resolved);
  }
  return [...variables.values()];
}

function resolveVariable(variable: EnvVar, lookup: ConfigLookup): EnvVar | undefined {
  const { valueFrom } = variable;
  if (!valueFrom || valueFrom.fieldRef) return variable;
  const selector = valueFrom.configMapKeyRef ?? valueFrom.secretKeyRef;
  if (!selector) return variable;
  const kind = valueFrom.configMapKeyRef ? "ConfigMap" : "Secret";
  const object = find({ kind, name: selector.name }, selector.optional, lookup);
  const data = object && keyData(kind, object, selector.key);
  if (data) return { name: variable.name, value: Buffer.from(data).toString("utf8") };
  if (selector.optional) return undefined;
  throw new Missing(
    "ConfigKeyNotFound",
    `env ${variable.name}: ${kind} ${selector.name} has no key ${selector.key}; add the key or mark the reference optional`,
  );
}

function resolveVolume(volume: Volume, lookup: ConfigLookup): readonly VolumeContent[] {
  const source = volume.configMap ?? volume.secret;
  if (!source) return [];
  const kind = volume.configMap ? "ConfigMap" : "Secret";
  const name = volume.configMap?.name ?? volume.secret?.secretName ?? "";
  const object = find({ kind, name }, source.optional, lookup);
  const files = object ? volumeFiles(volume.name, kind, object, source.items, source.optional) : [];
  return [{ volume: volume.name, secret: kind === "Secret", files }];
}

function volumeFiles(
  volume: string,
  kind: ConfigKind,
  object: ApiObject,
  items: readonly KeyPath[] | undefined,
  optional: boolean,
): readonly VolumeFile[] {
  const wanted = items ?? keysOf(kind, object).map((key) => ({ key, path: key }));
  return wanted.flatMap(({ key, path }) => {
    const data = keyData(kind, object, key);
    if (data) return [{ path, data }];
    if (optional) return [];
    throw new Missing(
      "ConfigKeyNotFound",
      `volume ${volume}: ${kind} ${object.metadata.name} has no key ${key}; add the key or mark the volume optional`,
    );
  });
}

function find(reference: Reference, optional: boolean, lookup: ConfigLookup): ApiObject | undefined {
  const object = lookup(reference.kind, reference.name);
  // What is optional must be used all the same when it is there.
  if (object instanceof Unreadable) throw new Missing(`${reference.kind}Unreadable`, object.reason);
  if (object || optional) return object;
  throw new Missing(
    `${reference.kind}NotFound`,
    `${reference.kind} ${reference.name} does not exist in the namespace; create it, and the rest happens by itself`,
  );
}

type Strings = Readonly<Record<string, string>>;

function field(object: ApiObject, name: string): Strings {
  return (object[name] as Strings | undefined) ?? {};
}

function keysOf(kind: ConfigKind, object: ApiObject): readonly string[] {
  return kind === "Secret"
    ? Object.keys(field(object, "data"))
    : [...Object.keys(field(object, "data")), ...Object.keys(field(object, "binaryData"))];
}

function keyData(kind: ConfigKind, object: ApiObject, key: string): Uint8Array | undefined {
  const value = Object.hasOwn(field(object, "data"), key) ? field(object, "data")[key] : undefined;
  switch (kind) {
    case "Secret":
      return value === undefined ? undefined : Buffer.from(value, "base64");
    case "ConfigMap": {
      if (value !== undefined) return Buffer.from(value, "utf8");
      const binary = field(object, "binaryData");
      return Object.hasOwn(binary, key) ? Buffer.from(binary[key] ?? "", "base64") : undefined;
    }
    default:
      return assertNever(kind, "kind of configuration");
  }
}

/** binaryData is no text, so envFrom leaves it out, as Kubernetes does. */
function textEntries(kind: ConfigKind, object: ApiObject): readonly (readonly [string, string])[] {
  const entries = Object.entries(field(object, "data"));
  return kind === "Secret"
    ? entries.map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")] as const)
    : entries;
}

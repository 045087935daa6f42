/** The names in a quota's `hard` that count objects of one kind, whatever is in them. */

export interface CountedKind {
  /** "" is the core group. */
  readonly group: string;
  readonly plural: string;
}

/** The kinds that were counted before `count/…` was, by their bare names. Kubernetes gives no others one. */
const legacyNames: ReadonlySet<string> = new Set(["configmaps", "secrets", "resourcequotas"]);
const prefix = "count/";

/** The names under which a kind is counted, in the order in which messages list them. */
export function objectCountNames({ group, plural }: CountedKind): readonly string[] {
  if (!isCounted(group, plural)) return [];
  if (group !== "") return [`${prefix}${plural}.${group}`];
  return legacyNames.has(plural) ? [plural, `${prefix}${plural}`] : [`${prefix}${plural}`];
}

/** The kind that a name counts; undefined: it counts no objects. */
export function countedKind(name: string): CountedKind | undefined {
  if (legacyNames.has(name)) return { group: "", plural: name };
  if (!name.startsWith(prefix)) return undefined;
  const qualified = name.slice(prefix.length);
  const dot = qualified.indexOf(".");
  const plural = dot < 0 ? qualified : qualified.slice(0, dot);
  const group = dot < 0 ? "" : qualified.slice(dot + 1);
  return isCounted(group, plural) ? { group, plural } : undefined;
}

/** Kubernetes never counts events. Instances are counted when they are placed: see compute-resources.ts. */
function isCounted(group: string, plural: string): boolean {
  if (plural === "events") return group !== "" && group !== "events.k8s.io";
  return plural !== "" && group !== "live.wherry.dev";
}

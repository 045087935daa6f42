/**
 * Which names a CustomResourceDefinition gets: within a group, no two kinds may share a plural, a singular, a short name, a
 * kind or a list kind. Whoever has a name keeps it.
 */
import { isDeepStrictEqual } from "node:util";
import { approvalVerdict } from "./api-approval.ts";
import type { Crd, CrdCondition, CrdNames, CrdStatus } from "./crd.ts";

/** Names that are taken: of other CustomResourceDefinitions as they were accepted, and of the server's own kinds. */
export interface TakenNames {
  readonly group: string;
  readonly names: Partial<CrdNames>;
}

type Verdict = Pick<CrdCondition, "status" | "reason" | "message">;

/**
 * The status that the definition should have: its names as far as they are free, with the conditions NamesAccepted and
 * Established. The same object when nothing changes. `now`: RFC 3339.
 */
export function acceptNames(crd: Crd, taken: readonly TakenNames[], now: string): CrdStatus {
  const { names, verdict } = decide(crd, taken);
  const approval = approvalVerdict(crd);
  const conditions = [
    withCondition(crd, "NamesAccepted", verdict, now),
    withCondition(crd, "Established", establishedBy(crd, verdict), now),
    ...(approval ? [withCondition(crd, "KubernetesAPIApprovalPolicyConformant", approval, now)] : []),
  ];
  const own = new Set(conditions.map(({ type }) => type));
  const others = (crd.status.conditions ?? []).filter(({ type }) => !own.has(type));
  const status: CrdStatus = {
    ...crd.status,
    conditions: [...conditions, ...others],
    acceptedNames: names,
    storedVersions: crd.status.storedVersions ?? [],
  };
  return isDeepStrictEqual(status, crd.status) ? crd.status : status;
}

function decide(
  crd: Crd,
  taken: readonly TakenNames[],
): { readonly names: Partial<CrdNames>; readonly verdict: Verdict } {
  const inGroup = taken.filter(({ group }) => group === crd.spec.group).map(({ names }) => names);
  const resources = new Set(inGroup.flatMap((one) => [one.plural, one.singular, ...(one.shortNames ?? [])]));
  const kinds = new Set(inGroup.flatMap((one) => [one.kind, one.listKind]));
  const wanted = crd.spec.names;
  const accepted = crd.status.acceptedNames ?? {};
  const names: { -readonly [Field in keyof CrdNames]?: CrdNames[Field] } = { ...accepted };
  // The last conflict is the one that is told.
  let verdict: Verdict = { status: "True", reason: "NoConflicts", message: "no conflicts found" };
  const refuse = (what: string, message: string) => {
    verdict = { status: "False", reason: `${what}Conflict`, message };
  };
  const fields = [
    ["plural", "Plural", resources],
    ["singular", "Singular", resources],
    ["kind", "Kind", kinds],
    ["listKind", "ListKind", kinds],
  ] as const;
  const settle = ([field, what, used]: (typeof fields)[number]) => {
    const name = wanted[field] ?? "";
    if (name !== accepted[field] && used.has(name)) refuse(what, inUse(name));
    else names[field] = name;
  };
  settle(fields[0]);
  settle(fields[1]);
  const conflicts = (wanted.shortNames ?? []).filter(
    (name) => !accepted.shortNames?.includes(name) && resources.has(name),
  );
  if (conflicts.length > 0) {
    const messages = conflicts.map(inUse);
    refuse("ShortNames", messages.length === 1 ? inUse(conflicts[0] ?? "") : `[${messages.join(", ")}]`);
  } else if (wanted.shortNames) names.shortNames = wanted.shortNames;
  else delete names.shortNames;
  settle(fields[2]);
  settle(fields[3]);
  if (wanted.categories) names.categories = wanted.categories;
  else delete names.categories;
  return { names, verdict };
}

function inUse(name: string): string {
  return `${JSON.stringify(name)} is already in use`;
}

/** Once established, always established: its objects may be there. */
function establishedBy(crd: Crd, names: Verdict): Verdict {
  const before = crd.status.conditions?.find(({ type }) => type === "Established");
  if (before?.status === "True" || names.status === "True")
    return {
      status: "True",
      reason: "InitialNamesAccepted",
      message: "the initial names have been accepted",
    };
  return before ?? { status: "False", reason: "NotAccepted", message: "not all names are accepted" };
}

function withCondition(crd: Crd, type: string, verdict: Verdict, now: string): CrdCondition {
  const before = crd.status.conditions?.find((one) => one.type === type);
  const { status, reason, message } = verdict;
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : now;
  return { type, status, lastTransitionTime, reason, message };
}

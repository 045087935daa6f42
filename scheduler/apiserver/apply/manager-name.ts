import {
  type FieldError,
  forbiddenValue,
  invalidValue,
  requiredValue,
  tooLong,
} from "../../../api/validation/field-error.ts";
import { isObject } from "../resource.ts";
import { invalid } from "../status.ts";

/** Kubernetes bounds these. */
const managerBytesMax = 128;
const subresourceBytesMax = 256;

/** Go's unicode.IsPrint. */
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** What a write's query and headers say of who writes. */
export interface WriterClaim {
  /** The kind of options that Kubernetes names in its refusal. */
  readonly options: "CreateOptions" | "UpdateOptions" | "PatchOptions";
  readonly isApply: boolean;
  /** The query's `fieldManager`; "" when there is none. */
  readonly fieldManager: string;
  /** Whether the query has `force`. */
  readonly hasForce: boolean;
  readonly userAgent: string;
}

/** The manager that a write is by: what it says, else how its client calls itself. Throws Invalid. */
export function managerNameOf(claim: WriterClaim): string {
  const errors = [
    ...(claim.isApply && claim.fieldManager === ""
      ? [requiredValue("fieldManager", "is required for apply patch")]
      : []),
    ...(claim.options === "PatchOptions" && !claim.isApply && claim.hasForce
      ? [forbiddenValue("force", "may not be specified for non-apply patch")]
      : []),
    ...managerErrors(claim.fieldManager, "fieldManager"),
  ];
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: claim.options }, "", errors);
  return claim.fieldManager || nameOfUserAgent(claim.userAgent) || "unknown";
}

/** `kubectl/v1.35.2 (linux/amd64)` is kubectl. */
function nameOfUserAgent(userAgent: string): string {
  let name = "";
  let bytes = 0;
  for (const character of userAgent.split("/", 1)[0] ?? "") {
    if (!printable.test(character)) continue;
    bytes += Buffer.byteLength(character);
    if (bytes > managerBytesMax) break;
    name += character;
  }
  return name;
}

/** What is wrong with stored managedFields beyond their form: names that no request could give. */
export function managedFieldsErrors(value: unknown): readonly FieldError[] {
  if (!Array.isArray(value)) return [];
  return (value as readonly unknown[]).flatMap((entry, at) => {
    const { manager = "", subresource = "" } = isObject(entry) ? entry : {};
    const place = `metadata.managedFields[${at}]`;
    return [
      ...(typeof manager === "string" ? managerErrors(manager, `${place}.manager`) : []),
      ...(typeof subresource === "string" && Buffer.byteLength(subresource) > subresourceBytesMax
        ? [tooLong(`${place}.subresource`, subresourceBytesMax)]
        : []),
    ];
  });
}

function managerErrors(manager: string, field: string): readonly FieldError[] {
  if (Buffer.byteLength(manager) > managerBytesMax) return [tooLong(field, managerBytesMax)];
  const errors: FieldError[] = [];
  let at = 0;
  for (const character of manager) {
    if (!printable.test(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      errors.push(invalidValue(field, manager, `invalid character U+${code} (at position ${at})`));
    }
    at += Buffer.byteLength(character);
  }
  return errors;
}

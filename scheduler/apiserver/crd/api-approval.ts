/** Kubernetes' own groups, *.k8s.io and *.kubernetes.io, are for APIs that its community has approved. */
import { type FieldError, invalidValue, requiredValue } from "../../../api/validation/field-error.ts";
import type { Crd, CrdCondition } from "./crd.ts";

const annotation = "api-approved.kubernetes.io";
const must = `protected groups must have approval annotation ${JSON.stringify(annotation)}`;
const advice = "see https://github.com/kubernetes/enhancements/pull/1111";

interface Approval {
  readonly kind: "missing" | "bypassed" | "approved" | "invalid";
  readonly message: string;
}

function approvalOf({ metadata }: Crd): Approval {
  const text = metadata.annotations?.[annotation] ?? "";
  if (text === "") return { kind: "missing", message: `${must}, ${advice}` };
  if (text.startsWith("unapproved"))
    return { kind: "bypassed", message: `not approved: ${JSON.stringify(text)}` };
  if (/^[a-z][-+.a-z0-9]*:\/\/[^/]/i.test(text) && URL.canParse(text))
    return { kind: "approved", message: `approved in ${text}` };
  return {
    kind: "invalid",
    message: `${must} with either a URL or a reason starting with "unapproved", ${advice}`,
  };
}

function isProtected({ spec }: Crd): boolean {
  return /(^|\.)(k8s|kubernetes)\.io$/.test(spec.group);
}

export function validateApproval(crd: Crd, old: Crd | undefined): readonly FieldError[] {
  if (!isProtected(crd)) return [];
  const field = `metadata.annotations[${annotation}]`;
  const { kind, message } = approvalOf(crd);
  // What was so before may stay so.
  if (old && approvalOf(old).kind === kind) return [];
  if (kind === "missing") return [requiredValue(field, message)];
  return kind === "invalid" ? [invalidValue(field, crd.metadata.annotations?.[annotation], message)] : [];
}

const verdicts: Readonly<Record<Approval["kind"], Pick<CrdCondition, "status" | "reason">>> = {
  missing: { status: "False", reason: "MissingAnnotation" },
  invalid: { status: "False", reason: "InvalidAnnotation" },
  bypassed: { status: "False", reason: "UnapprovedAnnotation" },
  approved: { status: "True", reason: "ApprovedAnnotation" },
};

/** For the condition KubernetesAPIApprovalPolicyConformant; undefined: its group is not Kubernetes'. */
export function approvalVerdict(crd: Crd): Pick<CrdCondition, "status" | "reason" | "message"> | undefined {
  if (!isProtected(crd)) return undefined;
  const { kind, message } = approvalOf(crd);
  return { ...verdicts[kind], message };
}

import { expect, test } from "vitest";
import { managedFieldsErrors, managerNameOf, type WriterClaim } from "./manager-name.ts";

const claim: WriterClaim = {
  options: "UpdateOptions",
  isApply: false,
  fieldManager: "",
  hasForce: false,
  userAgent: "",
};

test.each([
  {
    name: "the query's",
    claim: { fieldManager: "kubectl-edit", userAgent: "kubectl/v1" },
    manager: "kubectl-edit",
  },
  {
    name: "the client's up to the slash",
    claim: { userAgent: "kubectl/v1.35.2 (linux/amd64)" },
    manager: "kubectl",
  },
  { name: "the client's without a slash", claim: { userAgent: "Mozilla 5.0" }, manager: "Mozilla 5.0" },
  { name: "without what cannot be printed", claim: { userAgent: "a\u0007b\u200bé/1" }, manager: "abé" },
  { name: "of at most 128 bytes", claim: { userAgent: "é".repeat(100) }, manager: "é".repeat(64) },
  { name: "unknown when the client has none", claim: {}, manager: "unknown" },
])("managerNameOf: $name", ({ claim: given, manager }) => {
  expect(managerNameOf({ ...claim, ...given })).toBe(manager);
});

test.each<{ name: string; claim: Partial<WriterClaim>; message: string }>([
  {
    name: "an apply without one",
    claim: { options: "PatchOptions", isApply: true, userAgent: "kubectl/v1" },
    message:
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
  },
  {
    name: "force where nothing is applied",
    claim: { options: "PatchOptions", hasForce: true },
    message:
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
  },
  {
    name: "one that is too long",
    claim: { options: "CreateOptions", fieldManager: "x".repeat(129) },
    message:
      'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
  },
  {
    name: "one that cannot be printed",
    claim: { fieldManager: "é\n" },
    message: String.raw`UpdateOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "é\n": invalid character U+000A (at position 2)`,
  },
])("managerNameOf: refuses $name", ({ claim: given, message }) => {
  expect(() => managerNameOf({ ...claim, ...given })).toThrow(
    expect.objectContaining({ message, httpCode: 422 }) as Error,
  );
});

test("managedFieldsErrors: names that no request could give", () => {
  const errors = managedFieldsErrors([
    { manager: "fine" },
    { manager: "a\tb", subresource: "s".repeat(257) },
    3,
  ]);
  expect(errors.map(({ field }) => field)).toEqual([
    "metadata.managedFields[1].manager",
    "metadata.managedFields[1].subresource",
  ]);
  expect(managedFieldsErrors(undefined)).toEqual([]);
});

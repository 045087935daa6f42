import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { AssignmentProofs, proofSecrets } from "./assignment-proofs.ts";

const assignment = { nodeName: "n1", uid: "u", ownerUid: "o", templateHash: "h" };
const [old, fresh] = [Buffer.from("old"), Buffer.from("new")];

test("AssignmentProofs: holds for that assignment and no other", () => {
  const proofs = new AssignmentProofs([fresh]);
  const proof = proofs.make(assignment);
  expect(proofs.isValid(proof, assignment)).toBe(true);
  for (const other of [{ nodeName: "n2" }, { uid: "u2" }, { ownerUid: "o2" }, { templateHash: "h2" }]) {
    expect(proofs.isValid(proof, { ...assignment, ...other })).toBe(false);
  }
});

test.each(["", "AAAA", "not base64 at all!", "x".repeat(10_000)])(
  "AssignmentProofs: %j proves nothing",
  (proof) => {
    expect(new AssignmentProofs([fresh]).isValid(proof, assignment)).toBe(false);
  },
);

test("AssignmentProofs: keys can be replaced while what the old one signed is still there", () => {
  const proof = new AssignmentProofs([old]).make(assignment);
  expect(new AssignmentProofs([fresh, old]).isValid(proof, assignment)).toBe(true);
  expect(new AssignmentProofs([fresh]).isValid(proof, assignment)).toBe(false);
});

test("AssignmentProofs: without a key nothing is proven", () => {
  const proofs = new AssignmentProofs([]);
  expect(proofs.isValid(proofs.make(assignment), assignment)).toBe(false);
});

test("proofSecrets: keys that sign for ServiceAccounts, or the scheduler's own", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  expect(proofSecrets([privateKey, undefined], old)).toHaveLength(1);
  expect(proofSecrets([privateKey], old)).not.toEqual([old]);
  expect(proofSecrets([undefined], old)).toEqual([old]);
});

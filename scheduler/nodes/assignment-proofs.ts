import { createHmac, hkdfSync, type KeyObject, timingSafeEqual } from "node:crypto";

/** Which assignment a proof is about. */
export interface ProvenAssignment {
  readonly nodeName: string;
  readonly uid: string;
  readonly ownerUid: string;
  /** Which of the owner's templates it has, and so which files it may see. */
  readonly templateHash: string;
}

/**
 * Instances are in the memory of leaders only, so a new leader must believe a node that says which ones it holds. It need
 * not for handing out Secrets: an assignment comes with a proof that it was made for this node, the node gives it back with
 * the rest, and only who can show it is sent what the instance's files have changed to.
 *
 * With keys that all schedulers of a cluster have, and that last. The first one signs.
 */
export class AssignmentProofs {
  readonly #keys: readonly Uint8Array[];

  constructor(secrets: readonly Uint8Array[]) {
    this.#keys = secrets.map(
      (secret) => new Uint8Array(hkdfSync("sha256", secret, "", "wherry assignment", 32)),
    );
  }

  make(assignment: ProvenAssignment): string {
    const [key] = this.#keys;
    return key === undefined ? "" : macOf(key, assignment).toString("base64url");
  }

  isValid(proof: string, assignment: ProvenAssignment): boolean {
    const given = Buffer.from(proof, "base64url");
    return this.#keys.some((key) => {
      const expected = macOf(key, assignment);
      return given.byteLength === expected.byteLength && timingSafeEqual(given, expected);
    });
  }
}

/** The keys that sign for ServiceAccounts, or (without any) the scheduler's own of its certificate. */
export function proofSecrets(
  signing: readonly (KeyObject | undefined)[],
  tlsKey: Uint8Array,
): readonly Uint8Array[] {
  const secrets = signing.flatMap((key) => (key ? [key.export({ type: "pkcs8", format: "der" })] : []));
  return secrets.length > 0 ? secrets : [tlsKey];
}

function macOf(key: Uint8Array, { nodeName, uid, ownerUid, templateHash }: ProvenAssignment): Buffer {
  return createHmac("sha256", key)
    .update(JSON.stringify([nodeName, uid, ownerUid, templateHash]))
    .digest();
}

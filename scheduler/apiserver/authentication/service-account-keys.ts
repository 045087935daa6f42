import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { errorMessage, WherryError } from "../../../kit/errors.ts";

/** A key for ServiceAccount tokens: P-256, the curve of ES256. */
export interface ServiceAccountKey {
  /** As Kubernetes names its keys: the SHA-256 of the public key. */
  readonly id: string;
  readonly publicKey: KeyObject;
  /** undefined: it verifies, and does not sign. */
  readonly privateKey: KeyObject | undefined;
}

/**
 * The keys of a PEM file, private or public, in order. Throws a `WherryError` InvalidKey, which tells nothing of what is in
 * the file.
 */
export function parseServiceAccountKeys(pem: string): readonly ServiceAccountKey[] {
  const blocks = [...pem.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g)]
    // OpenSSL puts the name of the curve before the key.
    .filter(([, label]) => label !== "EC PARAMETERS");
  if (blocks.length === 0) throw new WherryError("InvalidKey", "no PEM block with a key in it");
  return blocks.map(([block, label = ""]) => parseKey(block, label));
}

function parseKey(block: string, label: string): ServiceAccountKey {
  const isPrivate = label.endsWith("PRIVATE KEY");
  if (!isPrivate && label !== "PUBLIC KEY")
    throw new WherryError("InvalidKey", `expected a private or public key, not ${label}`);
  let privateKey: KeyObject | undefined;
  let publicKey: KeyObject;
  try {
    privateKey = isPrivate ? createPrivateKey(block) : undefined;
    publicKey = createPublicKey(privateKey ? privateKey : block);
  } catch (thrown) {
    throw new WherryError("InvalidKey", `the key cannot be read: ${errorMessage(thrown)}`, { cause: thrown });
  }
  const curve = publicKey.asymmetricKeyDetails?.namedCurve;
  if (publicKey.asymmetricKeyType !== "ec" || curve !== "prime256v1")
    throw new WherryError(
      "InvalidKey",
      `expected an elliptic curve key on P-256, not ${curve ?? publicKey.asymmetricKeyType ?? "an unknown one"}`,
    );
  const der = publicKey.export({ type: "spki", format: "der" });
  return { id: createHash("sha256").update(der).digest("base64url"), publicKey, privateKey };
}

/**
 * Secrets are encrypted in the store: AES-256-GCM, with the object's key in the store as additional data, so that a
 * ciphertext means nothing under another name. A stored text is `k8s:enc:aesgcm:v1:KEY:BASE64`, of nonce, ciphertext and
 * tag; texts from before there was a key are as they were, and begin with a brace.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { assertNever, WherryError } from "../../../kit/errors.ts";
import type { EncryptionKey, EncryptionKeys } from "./encryption-keys.ts";

const secretPrefix = "/registry/core/secrets/";
const encryptedPrefix = "k8s:enc:aesgcm:v1:";
const algorithm = "aes-256-gcm";
/** What GCM is made for. Random ones are safe for 2^32 texts of one key, which is what rotation is for. */
const nonceBytes = 12;
const tagBytes = 16;

/** Turns texts into what is stored and back; those of Secrets only. */
export class ValueCodec {
  readonly #keys: EncryptionKeys;
  readonly #randomBytes: (count: number) => Uint8Array;

  constructor(keys: EncryptionKeys, nonces: (count: number) => Uint8Array = randomBytes) {
    this.#keys = keys;
    this.#randomBytes = nonces;
  }

  /** Throws `EncryptionKeyMissing` when Secrets should be encrypted and cannot be: none is stored in plain then. */
  encode(key: string, text: string): string {
    if (!isEncryptedKind(key)) return text;
    const keys = this.#keys;
    if (keys.kind === "none") return text;
    if (keys.kind === "missing")
      throw new WherryError(
        "EncryptionKeyMissing",
        `${describe(key)} cannot be encrypted, and is not stored in plain: ${keys.reason}`,
      );
    return encrypt(keys.keys[0], key, text, this.#randomBytes(nonceBytes));
  }

  /** Throws `EncryptionKeyMissing` or `ValueUndecipherable`, which name the object and the key but nothing of the text. */
  decode(key: string, stored: string): string {
    const sealed = parseSealed(key, stored);
    if (!sealed) return stored;
    if (sealed.keyName === "") throw undecipherable(key, "");
    const found = this.#known.find(({ name }) => name === sealed.keyName);
    if (found) return decrypt(found, key, sealed);
    throw new WherryError(
      "EncryptionKeyMissing",
      `${describe(key)} is encrypted with the key "${sealed.keyName}"${this.#whyMissing()}, and restart the scheduler`,
    );
  }

  /** Whether a Secret is in plain, or under a key that is not the first. */
  needsRewrite(key: string, stored: string): boolean {
    if (!isEncryptedKind(key) || this.#keys.kind !== "keys") return false;
    return parseSealed(key, stored)?.keyName !== this.#keys.keys[0].name;
  }

  #whyMissing(): string {
    switch (this.#keys.kind) {
      case "keys":
        return `, which is not in ${this.#keys.file}; put its line back there, after the first`;
      case "missing":
        return `: ${this.#keys.reason}; put the file back`;
      case "none":
        return ", and the scheduler has no keys; start it with --encryption-key-file";
      default:
        return assertNever(this.#keys, "encryption keys");
    }
  }

  get #known(): readonly EncryptionKey[] {
    return this.#keys.kind === "keys" ? this.#keys.keys : [];
  }
}

interface Sealed {
  readonly keyName: string;
  readonly base64: string;
}

function isEncryptedKind(key: string): boolean {
  return key.startsWith(secretPrefix);
}

/** undefined: it is no Secret, or one in plain. */
function parseSealed(key: string, stored: string): Sealed | undefined {
  if (!isEncryptedKind(key) || !stored.startsWith(encryptedPrefix)) return undefined;
  const end = stored.indexOf(":", encryptedPrefix.length);
  if (end < 0) return { keyName: "", base64: "" };
  return { keyName: stored.slice(encryptedPrefix.length, end), base64: stored.slice(end + 1) };
}

function encrypt({ name, bytes }: EncryptionKey, key: string, text: string, nonce: Uint8Array): string {
  const cipher = createCipheriv(algorithm, bytes, nonce, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(key));
  const sealed = Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `${encryptedPrefix}${name}:${sealed.toString("base64")}`;
}

function decrypt({ name, bytes }: EncryptionKey, key: string, { base64 }: Sealed): string {
  const sealed = Buffer.from(base64, "base64");
  if (sealed.length < nonceBytes + tagBytes) throw undecipherable(key, name);
  try {
    const nonce = sealed.subarray(0, nonceBytes);
    const decipher = createDecipheriv(algorithm, bytes, nonce, { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(key));
    decipher.setAuthTag(sealed.subarray(-tagBytes));
    const text = decipher.update(sealed.subarray(nonceBytes, -tagBytes));
    return Buffer.concat([text, decipher.final()]).toString("utf8");
  } catch {
    // OpenSSL's own words say less.
    throw undecipherable(key, name);
  }
}

function undecipherable(key: string, keyName: string): WherryError {
  return new WherryError(
    "ValueUndecipherable",
    `${describe(key)} cannot be decrypted with the key "${keyName}": that is another key of the same name, or what is stored was changed`,
  );
}

function describe(key: string): string {
  return `Secret "${key.slice(secretPrefix.length)}" in the store`;
}

import { readFileSync, statSync } from "node:fs";
import { errorMessage, WherryError } from "../../../kit/errors.ts";

export interface EncryptionKey {
  readonly name: string;
  /** 32 of them. */
  readonly bytes: Uint8Array;
}

export type EncryptionKeys =
  /** Nobody asked for encryption. */
  | { readonly kind: "none" }
  /** The first encrypts, all decrypt. */
  | {
      readonly kind: "keys";
      /** Where they are from. */
      readonly file: string;
      readonly keys: readonly [EncryptionKey, ...EncryptionKey[]];
    }
  /** It was asked for, and the keys cannot be read: everything but Secrets is served. */
  | { readonly kind: "missing"; readonly reason: string };

const keyBytes = 32;
const keysMax = 100;
const fileBytesMax = 64 * 1024;
const namePattern = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;
/** Group and others. */
const foreignModeBits = 0o077;

/**
 * Reads the file of `--encryption-key-file`. A file that is not there, or may not be read, is the answer `missing`; one
 * that others may read, or that is wrong, throws `InvalidKeyFile`.
 */
export function readEncryptionKeys(file: string): EncryptionKeys {
  let text: string;
  let mode: number;
  try {
    const status = statSync(file);
    if (status.size > fileBytesMax) throw invalid(file, `it has more than ${fileBytesMax} bytes`);
    mode = status.mode;
    text = readFileSync(file, "utf8");
  } catch (thrown) {
    if (thrown instanceof WherryError) throw thrown;
    return { kind: "missing", reason: `the key file ${file} cannot be read (${errorMessage(thrown)})` };
  }
  if ((mode & foreignModeBits) !== 0)
    throw invalid(
      file,
      `others than its owner may read or write it (mode ${(mode & 0o777).toString(8)}); run: chmod 600 ${file}`,
    );
  return { kind: "keys", file, keys: parseEncryptionKeys(file, text) };
}

/** `NAME:BASE64` on each line; lines that are empty or begin with # do not count. */
export function parseEncryptionKeys(
  file: string,
  text: string,
): readonly [EncryptionKey, ...EncryptionKey[]] {
  const keys = text
    .split("\n")
    .map((line, at) => ({ line: line.trim(), number: at + 1 }))
    .filter(({ line }) => line !== "" && !line.startsWith("#"))
    .map(({ line, number }) => parseLine(file, line, number));
  const [first, ...others] = keys;
  if (!first) throw invalid(file, "it has no key; each line is NAME:BASE64, of 32 random bytes");
  if (keys.length > keysMax) throw invalid(file, `it has ${keys.length} keys; there may be ${keysMax}`);
  const names = new Set(keys.map(({ name }) => name));
  if (names.size < keys.length) throw invalid(file, "two keys have the same name");
  return [first, ...others];
}

/** No message has anything of the line but its name: it may be a key. */
function parseLine(file: string, line: string, number: number): EncryptionKey {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(0, colon));
  if (!namePattern.test(name))
    throw invalid(file, `line ${number}: expected NAME:BASE64, the name of small letters, digits, - and .`);
  const base64 = line.slice(colon + 1);
  const bytes = Buffer.from(base64, "base64");
  if (bytes.length !== keyBytes || bytes.toString("base64") !== base64)
    throw invalid(file, `line ${number}: the key "${name}" must be ${keyBytes} bytes in base64`);
  return { name, bytes };
}

function invalid(file: string, message: string): WherryError {
  return new WherryError("InvalidKeyFile", `key file ${file}: ${message}`);
}

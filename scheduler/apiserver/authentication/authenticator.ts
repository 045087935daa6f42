import type { User } from "./user.ts";
import { createHash, timingSafeEqual } from "node:crypto";

export interface Token {
  readonly token: string;
  readonly user: string;
  readonly groups: readonly string[];
}

/** Bearer tokens. Compares digests of equal length in constant time, against every token, whatever is sent. */
export class Authenticator {
  readonly #tokens: readonly { readonly digest: Buffer; readonly user: User }[];

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens.map(({ token, user, groups }) => ({
      digest: digestOf(token),
      user: { name: user, uid: "", groups: [...groups, "system:authenticated"], extra: {} },
    }));
  }

  authenticate(authorization: string | undefined): User | undefined {
    const token = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) return undefined;
    const digest = digestOf(token);
    let found: User | undefined;
    for (const one of this.#tokens) if (timingSafeEqual(one.digest, digest)) found = one.user;
    return found;
  }
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

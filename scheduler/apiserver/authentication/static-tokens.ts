import { hash, randomBytes } from "node:crypto";
import { authenticatedGroups, type User } from "./user.ts";

/** A bearer token from a file. */
export interface StaticToken {
  readonly token: string;
  readonly user: string;
  readonly uid: string;
  /** Without `system:authenticated`. */
  readonly groups: readonly string[];
}

/**
 * Bearer tokens that are known from the start. They are looked up by a digest under a key that only this process has, so
 * the time that a look-up takes tells nothing about how close a guess was, and many tokens cost no more than one.
 */
export class StaticTokens {
  readonly #key = randomBytes(32).toString("base64");
  readonly #users: ReadonlyMap<string, User>;

  constructor(tokens: readonly StaticToken[]) {
    this.#users = new Map(
      tokens.map(({ token, user, uid, groups }) => [
        this.#digestOf(token),
        { name: user, uid, groups: authenticatedGroups(groups), extra: {} },
      ]),
    );
  }

  find(token: string): User | undefined {
    return this.#users.get(this.#digestOf(token));
  }

  #digestOf(token: string): string {
    // Not an HMAC, which takes five times as long: nobody sees the digests, so nobody can lengthen one.
    return hash("sha256", this.#key + token, "base64");
  }
}

import { generateKeyPairSync } from "node:crypto";
import type { ApiObject } from "../../../api/object-meta.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { seededRandom } from "../../../kit/random.ts";
import { parseServiceAccountKeys, type ServiceAccountKey } from "../authentication/service-account-keys.ts";
import { ServiceAccountTokens } from "../authentication/service-account-tokens.ts";

export function newServiceAccountKey(): ServiceAccountKey {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const [key] = parseServiceAccountKeys(privateKey.export({ type: "pkcs8", format: "pem" }));
  if (!key) throw new Error("no key");
  return key;
}

/** Tokens for accounts and Secrets that tests add to `objects`, under `plural/namespace/name`. */
export function fakeServiceAccounts(keys: readonly ServiceAccountKey[] = [newServiceAccountKey()]) {
  const clock = new FakeClock();
  const objects = new Map<string, ApiObject>();
  const find = (plural: string) => (namespace: string, name: string) =>
    objects.get(`${plural}/${namespace}/${name}`);
  const tokens = new ServiceAccountTokens({
    keys,
    findServiceAccount: find("serviceaccounts"),
    findSecret: find("secrets"),
    clock,
    random: seededRandom(1),
  });
  const add = (plural: string, name: string, uid: string, metadata: object = {}) =>
    objects.set(`${plural}/default/${name}`, {
      apiVersion: "v1",
      kind: plural,
      metadata: {
        name,
        namespace: "default",
        uid,
        resourceVersion: "1",
        creationTimestamp: "2026-01-01T00:00:00Z",
        ...metadata,
      },
    });
  add("serviceaccounts", "builder", "uid-1");
  return { tokens, clock, objects, add };
}

import type { SecretKey } from "../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import type { Backend } from "../backend/backend.ts";
import { configLookup, configResources } from "../engine/config-lookup.ts";
import { Unreadable } from "../core/templates/resolve-template.ts";

/** What of Secrets metric sources read. */
export interface MetricSecrets {
  /** The Secret as last seen; undefined: there is none. */
  secret(namespace: string, name: string): ApiObject | Unreadable | undefined;
  /** `changed` after each change of it, its creation and deletion included, until what is returned is called. */
  watch(namespace: string, name: string, changed: () => void): () => void;
}

export type SecretValue =
  | { readonly kind: "value"; readonly value: string }
  | { readonly kind: "missing"; readonly message: string };

/** The value of a key, as text. */
export function secretValue(
  secrets: MetricSecrets,
  namespace: string,
  { name, key }: SecretKey,
): SecretValue {
  const object = secrets.secret(namespace, name);
  if (object instanceof Unreadable) return { kind: "missing", message: `Secret ${name}: ${object.reason}` };
  if (object === undefined)
    return { kind: "missing", message: `Secret ${name} does not exist in namespace ${namespace}; create it` };
  const data = object["data"];
  const isThere = typeof data === "object" && data !== null && Object.hasOwn(data, key);
  // Values of Secrets are base64, as the API server has checked.
  const encoded = isThere ? (data as Readonly<Record<string, string>>)[key] : undefined;
  if (encoded === undefined) return { kind: "missing", message: `Secret ${name} has no key ${key}; add it` };
  return { kind: "value", value: Buffer.from(encoded, "base64").toString("utf8") };
}

/** The Secrets of a backend, until `signal` aborts. */
export function watchSecrets(backend: Backend, signal: AbortSignal): MetricSecrets {
  const watchers = new Map<string, Set<() => void>>();
  const resource = configResources.Secret;
  backend.watch(
    resource,
    (event) => {
      if (event.kind === "synced") return;
      const { namespace = "", name } = event.object.metadata;
      for (const changed of watchers.get(keyOf(namespace, name)) ?? []) changed();
    },
    signal,
  );
  return {
    secret: (namespace, name) => configLookup(backend, namespace)("Secret", name),
    watch: (namespace, name, changed) => {
      const key = keyOf(namespace, name);
      const listeners = watchers.get(key) ?? new Set();
      watchers.set(key, listeners);
      // Two may watch with the same function.
      const listener = () => changed();
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && watchers.get(key) === listeners) watchers.delete(key);
      };
    },
  };
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

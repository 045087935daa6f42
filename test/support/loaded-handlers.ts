/** Handlers that tests put load on, each with what it is asked and what it answers. */
import { join } from "node:path";
import { stringify } from "yaml";
import { checkout } from "./cluster.ts";
import { guestImage } from "./guests.ts";
import { deployment } from "./manifests.ts";
import type { Asked } from "./requests.ts";

export interface LoadedHandler {
  readonly name: string;
  readonly image: string;
  readonly template: Readonly<Record<string, unknown>>;
  /** Without a host. */
  readonly asked: readonly Omit<Asked, "host">[];
  readonly isRight: (body: string) => boolean;
}

const moduleIn = (path: string) => `file://${join(checkout, "examples", path)}`;
const limits = { resources: { requests: { cpu: "1m", memory: "1Mi" }, limits: { memory: "64Mi" } } };
const get = { path: "/?name=Ada" };
const post = { method: "POST", body: "a b\nc\n" };

export const wagi: LoadedHandler = {
  name: "wagi",
  image: moduleIn("http/tally.wasm"),
  template: { http: { handler: "wagi" }, ...limits },
  asked: [get, post, get],
  isRight: (body) => body === "ahoy, Ada\n" || body === '{"lines": 2, "words": 3, "bytes": 6}\n',
};

export const wasiHttp: LoadedHandler = {
  name: "wasi-http",
  image: moduleIn("http/hello.wasm"),
  template: { http: { handler: "wasi-http" }, ...limits },
  asked: [get, post, get],
  isRight: (body) => body === "ahoy from C\n",
};

const body = "sent back as it comes\n".repeat(5_000);

/** More than a gateway keeps of a body to send it elsewhere. */
export const uploads: LoadedHandler = {
  name: "uploads",
  image: moduleIn("http/echo.wasm"),
  template: { http: { handler: "wasi-http" }, ...limits },
  asked: [{ method: "POST", body }],
  isRight: (answered) => answered === body,
};

/** One connection at a time, which is closed after its answer; it knows GET alone. */
export const listener: LoadedHandler = {
  name: "listener",
  image: moduleIn("c-server/server.wasm"),
  template: {
    http: { handler: "listener", concurrency: 4 },
    listeners: [{ name: "web", address: "127.0.0.1", port: 0 }],
    env: [{ name: "NAME", value: "first" }],
    ...limits,
  },
  asked: [get],
  isRight: (body) => /^\w+: visit \d+, of \/\?name=Ada\n$/.test(body),
};

/** Whose requests are under way whenever something changes. */
export async function slowHandlers(): Promise<readonly LoadedHandler[]> {
  const common = {
    image: await guestImage("dawdler"),
    asked: [get],
    isRight: (body: string) => body === "begun\ndone\n",
  };
  const env = (ms: number) => [{ name: "DAWDLE_MS", value: String(ms) }];
  return [
    { ...common, name: "slow-wagi", template: { http: { handler: "wagi" }, env: env(250), ...limits } },
    { ...common, name: "slow-listener", template: { ...listener.template, env: env(50) } },
  ];
}

export const loadedHandlers = [wagi, wasiHttp, uploads, listener];

export function served(
  { image, template }: LoadedHandler,
  name: string,
  replicas: number,
  spec: Readonly<Record<string, unknown>> = {},
): string {
  return deployment(replicas, { name, image, template, labels: { app: name }, spec });
}

export const hostOf = (name: string) => `${name}.test`;

/** Nothing is tried again that was begun, so that no failure goes unnoticed. */
export const noRetries = { retry: { attempts: 0 } };

export function route(
  name: string,
  weights: Readonly<Record<string, number>> = { [name]: 1 },
  rule: Readonly<Record<string, unknown>> = noRetries,
): string {
  const backendRefs = Object.entries(weights).map(([to, weight]) => ({ name: to, weight }));
  return stringify({
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmRoute",
    metadata: { name },
    spec: { hostnames: [hostOf(name)], rules: [{ backendRefs, ...rule }] },
  });
}

export function askedOf({ asked }: LoadedHandler, name: string): readonly Asked[] {
  return asked.map((one) => ({ ...one, host: hostOf(name) }));
}

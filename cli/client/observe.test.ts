import { Readable } from "node:stream";
import type { IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { systemClock, type Clock } from "../../kit/clock.ts";
import type { Resource } from "../resources/resource.ts";
import { ApiClient, ConnectionError, type ApiRequest } from "./api-client.ts";
import { observe } from "./observe.ts";
import { ApiStatusError } from "./status-error.ts";

const configMaps: Resource = {
  group: "",
  version: "v1",
  plural: "configmaps",
  singular: "configmap",
  kind: "ConfigMap",
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: ["list", "watch"],
};

/** Time passes as soon as somebody waits for it. */
const hurriedClock: Clock = { ...systemClock, setTimer: (_delayMs, fire) => systemClock.setTimer(0, fire) };

type Answer = Error | readonly object[];

/** Answers lists and watches from scripts; one whose script is over says so. */
class ScriptedClient extends ApiClient {
  readonly asked: string[] = [];
  readonly #lists: Answer[];
  readonly #watches: Answer[];

  constructor(lists: readonly Answer[], watches: readonly Answer[]) {
    super({
      server: new URL("https://127.0.0.1:1"),
      certificateAuthority: undefined,
      insecure: false,
      tlsServerName: undefined,
      token: undefined,
      clientCertificate: undefined,
      clientKey: undefined,
      namespace: "default",
      files: [],
    });
    this.#lists = [...lists];
    this.#watches = [...watches];
  }

  override async request<T>(): Promise<T> {
    this.asked.push("list");
    const items = answer(this.#lists);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the caller asks for a list
    return { metadata: { resourceVersion: "7" }, items } as T;
  }

  override async open({ query }: ApiRequest): Promise<IncomingMessage> {
    this.asked.push(`watch ${query?.["resourceVersion"]}`);
    const lines = answer(this.#watches).map((event) => `${JSON.stringify(event)}\n`);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of an answer only its body is read
    return Readable.from(lines.map((line) => Buffer.from(line))) as unknown as IncomingMessage;
  }
}

function answer(script: Answer[]): readonly object[] {
  const next = script.shift() ?? new ApiStatusError({ message: "the script is over", code: 400 }, 400);
  if (next instanceof Error) throw next;
  return next;
}

const object = (name: string, resourceVersion = "8") => ({ metadata: { name, uid: name, resourceVersion } });
const event = (type: string, name: string, version?: string) => ({ type, object: object(name, version) });
const away = () => new ConnectionError("nobody is there", undefined);
const busy = () => new ApiStatusError({ message: "busy", code: 503 }, 503);
const expired = { type: "ERROR", object: { kind: "Status", code: 410, message: "too old" } };

/** What is told until the script is over. */
async function told(
  client: ScriptedClient,
): Promise<{ readonly sightings: readonly string[]; readonly error: unknown }> {
  const sightings: string[] = [];
  const { signal } = new AbortController();
  try {
    for await (const one of observe(client, hurriedClock, {
      resource: configMaps,
      namespace: "default",
      signal,
    }))
      sightings.push("object" in one ? `${one.kind} ${one.object.metadata.name}` : one.kind);
    return { sightings, error: undefined };
  } catch (error) {
    return { sightings, error };
  }
}

test.each([
  {
    name: "a list, its changes, and more after a watch that has ended",
    lists: [[object("a"), object("b")]],
    watches: [[event("MODIFIED", "a", "9"), event("DELETED", "b", "10")], [event("ADDED", "c", "11")]],
    sightings: ["listing", "present a", "present b", "listed", "present a", "gone b", "present c"],
    asked: ["list", "watch 7", "watch 10", "watch 11"],
  },
  {
    name: "a server that goes away between list and watch",
    lists: [[object("a")]],
    watches: [away(), busy(), [event("MODIFIED", "a", "9")]],
    sightings: ["listing", "present a", "listed", "present a"],
    asked: ["list", "watch 7", "watch 7", "watch 7", "watch 9"],
  },
  {
    name: "changes that the server no longer has, and then no server for a while",
    lists: [[object("a")], away(), busy(), [object("b")]],
    watches: [[expired], [event("MODIFIED", "b", "9")]],
    sightings: [
      "listing",
      "present a",
      "listed",
      "listing",
      "listing",
      "listing",
      "present b",
      "listed",
      "present b",
    ],
    asked: ["list", "watch 7", "list", "list", "list", "watch 7", "watch 9"],
  },
  {
    name: "a watch that is too old from its beginning, again and again",
    lists: [[], [], [object("a")]],
    watches: [[expired], [expired], [event("DELETED", "a", "9")]],
    sightings: ["listing", "listed", "listing", "listed", "listing", "present a", "listed", "gone a"],
    asked: ["list", "watch 7", "list", "watch 7", "list", "watch 7", "watch 9"],
  },
])("observe: $name", async ({ lists, watches, sightings, asked }) => {
  await using client = new ScriptedClient(lists, watches);
  const result = await told(client);
  expect(result.sightings).toEqual(sightings);
  expect(result.error).toMatchObject({ message: "the script is over" });
  expect(client.asked).toEqual(asked);
});

test.each([
  { name: "a server that was never there", lists: [away()], message: "nobody is there" },
  { name: "a refusal", lists: [new ApiStatusError({ message: "forbidden" }, 403)], message: "forbidden" },
])("observe: gives up on $name", async ({ lists, message }) => {
  await using client = new ScriptedClient(lists, []);
  const result = await told(client);
  expect(result.error).toMatchObject({ message });
  expect(client.asked).toEqual(["list"]);
});

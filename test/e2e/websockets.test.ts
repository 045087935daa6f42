/** WebSockets to a server that is a guest, from a client that is Node's own: on its node, and through the gateway of another one. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestClient } from "../support/client.ts";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { httpWorkload } from "../support/http-workload.ts";
import { Visitor } from "../support/visitor.ts";

const nodes = ["one", "two"];
let cluster: TestCluster;
let client: TestClient;

beforeAll(async () => {
  cluster = await TestCluster.start(nodes, {
    gateways: true,
    hostPaths: [guestFolder()],
    listen: ["127.0.0.1:1024-65535"],
    nodeArgs: ["--keep-instances-on-exit"],
  });
  client = cluster.client();
  const listeners = [{ name: "web", address: "127.0.0.1", port: 0 }];
  const parrot = {
    name: "parrot",
    image: await guestImage("parrot"),
    http: { handler: "listener" },
    instance: { listeners, terminationGracePeriodSeconds: 3 },
    memory: "64Mi",
  };
  const wagi = {
    name: "wagi",
    image: `file://${join(checkout, "examples/http/tally.wasm")}`,
    http: { handler: "wagi" },
    host: "wagi.test",
    memory: "64Mi",
  };
  await cluster.apply([parrot, wagi].map(httpWorkload).join("---\n"));
  await eventually(async () => {
    for (const visitor of nodes.map(visitorOf)) {
      expect((await visitor.ask("parrot.test", "/")).text).toBe("parrot\n");
      expect((await visitor.ask("wagi.test", "/?name=Ada")).text).toBe("ahoy, Ada\n");
    }
  });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

const visitorOf = (node: string) => new Visitor(Number(new URL(cluster.url(node)).port));

/** What Node's WebSocket says, in the order in which it does. */
class Conversation {
  readonly socket: WebSocket;
  readonly heard: unknown[] = [];
  closed: { readonly code: number; readonly wasClean: boolean } | undefined;
  #wake: (() => void)[] = [];

  private constructor(url: string) {
    this.socket = new WebSocket(url, "parrot");
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("message", ({ data }) => this.#changed(() => this.heard.push(data)));
    this.socket.addEventListener("close", ({ code, wasClean }) =>
      this.#changed(() => (this.closed = { code, wasClean })),
    );
    this.socket.addEventListener("open", () => this.#changed(() => {}));
    this.socket.addEventListener("error", () => {});
  }

  static async open(node: string): Promise<Conversation> {
    const made = new Conversation(`${cluster.url(node).replace("http", "ws")}/chat`);
    await made.until(() => made.socket.readyState !== WebSocket.CONNECTING);
    return made;
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  async say(what: string | Uint8Array<ArrayBuffer>): Promise<unknown> {
    const before = this.heard.length;
    this.socket.send(what);
    await this.until(() => this.heard.length > before || this.closed !== undefined);
    return this.heard[before];
  }

  async close(): Promise<Conversation["closed"]> {
    this.socket.close(1000, "done");
    await this.until(() => this.closed !== undefined);
    return this.closed;
  }

  #changed(change: () => void): void {
    change();
    for (const wake of this.#wake.splice(0)) wake();
  }
}

test("a WebSocket by the gateway of each node: texts, a large message, several at once, and a close that both agree on", async () => {
  for (const node of nodes) {
    const conversations = await Promise.all(Array.from({ length: 5 }, () => Conversation.open(node)));
    for (const one of conversations) {
      expect(one.socket.protocol).toBe("parrot");
      expect(await one.say("ahoy")).toBe("ahoy");
    }
    const [one] = conversations;
    const large = new Uint8Array(randomBytes(2 ** 20));
    const back = await one?.say(large);
    expect(Buffer.from(back as ArrayBuffer).equals(large)).toBe(true);
    for (const each of conversations) expect(await each.close()).toEqual({ code: 1000, wasClean: true });
  }
});

test("handlers that cannot take WebSockets: 501, by the gateway of each node", async () => {
  const headers = {
    connection: "upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  for (const visitor of nodes.map(visitorOf)) {
    const answer = await visitor.ask("wagi.test", "/", { headers });
    expect([answer.status, answer.headers["wherry-reason"]]).toEqual([501, "UpgradeUnsupported"]);
    expect((await visitor.ask("wagi.test", "/?name=Ada")).status).toBe(200);
  }
});

test("gateways that are replaced: who is connected stays so, and the old ones go after them", async () => {
  const old = nodes.flatMap((node) => cluster.gateways(node));
  const conversations = await Promise.all(nodes.map((node) => Conversation.open(node)));
  for (const node of nodes) {
    await cluster.stopNode(node);
    // Any other flag makes another gateway.
    await cluster.startNode(node, ["--gateway-trust-forwarded"]);
    await eventually(() => {
      expect(cluster.gateways(node).some((pid) => !old.includes(pid))).toBe(true);
      return Promise.resolve();
    });
  }
  for (const one of conversations) expect(await one.say("still there?")).toBe("still there?");
  for (const one of conversations) await one.close();
  await eventually(() => {
    expect(nodes.flatMap((node) => cluster.gateways(node)).filter((pid) => old.includes(pid))).toEqual([]);
    return Promise.resolve();
  });
  const after = await Conversation.open("one");
  expect(await after.say("and again")).toBe("and again");
  await after.close();
});

test("kill -9 of a shim ends its WebSockets, and the next ones reach another instance", async () => {
  const conversations = await Promise.all(nodes.map((node) => Conversation.open(node)));
  for (const node of nodes) cluster.killShims(node);
  for (const one of conversations) {
    await one.until(() => one.closed !== undefined);
    expect(one.closed?.wasClean).toBe(false);
  }
  await eventually(async () => {
    for (const node of nodes) {
      const again = await Conversation.open(node);
      expect(again.socket.readyState).toBe(WebSocket.OPEN);
      await again.close();
    }
  });
});

test("an instance that stops: its WebSockets get the grace, and are ended then", async () => {
  const conversations = await Promise.all(nodes.map((node) => Conversation.open(node)));
  const rolled = client.patch("parrot", { template: { metadata: { labels: { revision: "second" } } } });
  for (const one of conversations) expect(await one.say("still there?")).toBe("still there?");
  await rolled;
  for (const one of conversations) {
    await one.until(() => one.closed !== undefined);
    expect(one.closed?.wasClean).toBe(false);
  }
  const again = await Conversation.open("two");
  expect(await again.say("and again")).toBe("and again");
  await again.close();
});

test("a server that is told when to stop says goodbye to its WebSockets itself", async () => {
  const spec = {
    stopNotice: "stdin",
    env: [{ name: "NOTICE", value: "1" }],
    // Far longer than this takes: nothing is cut off.
    terminationGracePeriodSeconds: 600,
  };
  const polite = await client.patch("parrot", { template: { spec } });
  await client.settled("parrot", polite, 1);
  const conversations = await Promise.all(nodes.map((node) => Conversation.open(node)));
  for (const one of conversations) expect(await one.say("ahoy")).toBe("ahoy");
  const next = await client.patch("parrot", { template: { metadata: { labels: { revision: "third" } } } });
  for (const one of conversations) {
    await one.until(() => one.closed !== undefined);
    expect(one.closed).toEqual({ code: 1001, wasClean: true });
  }
  await client.settled("parrot", next, 1);
});

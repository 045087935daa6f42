/** Planned changes that leave nobody to answer for a moment, or replace everything: requests wait, and none fails. */
import { appendFileSync, cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { guestFolder } from "../support/guests.ts";
import { HttpLoad } from "../support/http-load.ts";
import {
  askedOf,
  type LoadedHandler,
  loadedHandlers,
  route,
  served,
  slowHandlers,
} from "../support/loaded-handlers.ts";
import { ask, type Asked } from "../support/requests.ts";

let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]();
  cluster = undefined;
});

/** Everything that answers HTTP, with requests that do not fail. */
class Scene {
  readonly cluster: TestCluster;
  readonly #nodes: readonly string[];
  readonly #handlers: readonly LoadedHandler[];
  readonly #asked: readonly Asked[];

  static async open(
    nodes: readonly string[],
    replicas: number,
    spec: Readonly<Record<string, unknown>> = {},
    nodeArgs: readonly string[] = [],
  ): Promise<Scene> {
    const handlers = [...loadedHandlers, ...(await slowHandlers())];
    const listen = ["127.0.0.1:1024-65535"];
    const options = { gateways: true, hostPaths: [guestFolder()], listen, nodeArgs };
    cluster = await TestCluster.start(nodes, options);
    const scene = new Scene(cluster, nodes, handlers);
    const client = cluster.client();
    const manifests = handlers.flatMap((handler) => [
      served(handler, handler.name, replicas, spec),
      route(handler.name),
    ]);
    await cluster.apply(manifests.join("---\n"));
    for (const { name } of handlers) await client.settled(name, 1, replicas);
    await eventually(async () => {
      for (const url of scene.urls) {
        for (const one of scene.#asked) expect((await ask(url, one)).status).toBe(200);
      }
    });
    return scene;
  }

  private constructor(of: TestCluster, nodes: readonly string[], handlers: readonly LoadedHandler[]) {
    this.cluster = of;
    this.#nodes = nodes;
    this.#handlers = handlers;
    this.#asked = handlers.flatMap((handler) => askedOf(handler, handler.name));
  }

  get urls(): readonly string[] {
    return this.#nodes.map((name) => this.cluster.url(name));
  }

  get names(): readonly string[] {
    return this.#handlers.map(({ name }) => name);
  }

  async underLoad(what: string, change: (load: HttpLoad) => Promise<void>): Promise<void> {
    const isRight = (body: string) => this.#handlers.some((handler) => handler.isRight(body));
    const load = new HttpLoad({ urls: this.urls, asked: this.#asked, isRight, clients: 9 });
    await load.more(50);
    await change(load);
    await load.more(100);
    const { requests, failures, p50Ms, p99Ms, worstMs } = await load.stop();
    console.log(`${what}: ${requests} requests, p50 ${p50Ms} ms, p99 ${p99Ms} ms, worst ${worstMs} ms`);
    expect(failures).toEqual([]);
  }

  async update(replicas: number, ...revisions: readonly string[]): Promise<void> {
    const client = this.cluster.client();
    for (const revision of revisions) {
      const change = { template: { metadata: { labels: { revision } } } };
      const generations = await Promise.all(this.names.map((name) => client.patch(name, change)));
      for (const [i, name] of this.names.entries()) await client.settled(name, generations[i] ?? 0, replicas);
    }
  }
}

test("Recreate: between two revisions there is nobody, and requests wait", async () => {
  const scene = await Scene.open(["one"], 1, { strategy: { type: "Recreate" } });
  await scene.underLoad("Recreate", () => scene.update(1, "second", "third"));
});

test("the only instances of everything move from node to node, as these are drained", async () => {
  const scene = await Scene.open(["one", "two"], 1);
  await scene.underLoad("single instances drained", async () => {
    for (const node of ["one", "two", "one"]) {
      const { code, stdout, stderr } = await scene.cluster.wherry("drain", node, "--timeout", "60s");
      expect(code, stdout + stderr).toBe(0);
      await scene.cluster.wherry("uncordon", node);
    }
  });
});

test("a daemon is killed in the middle of updates, again and again", async () => {
  const scene = await Scene.open(["one", "two"], 3);
  await scene.underLoad("daemons killed during updates", async (load) => {
    const updates = scene.update(3, "second", "third", "fourth");
    for (const node of ["one", "two", "one"]) {
      await load.more(20);
      await scene.cluster.killNode(node);
      await scene.cluster.startNode(node);
    }
    await updates;
  });
});

test("a node gets another build: daemon, shims and gateway are replaced", async () => {
  const scene = await Scene.open(["one"], 2, {}, ["--keep-instances-on-exit", "--gateway-workers", "2"]);
  const newer = join(checkout, `.cache/newer-${process.pid}`);
  const old = [...scene.cluster.shims("one"), ...scene.cluster.gateways("one")];
  try {
    cpSync(scene.cluster.programFolder("one"), newer, { recursive: true });
    for (const program of ["shim", "gateway"]) {
      appendFileSync(join(newer, `node-daemon/${program}/main.js`), "\n// newer\n");
    }
    await scene.underLoad("another build", async () => {
      await scene.cluster.stopNode("one");
      await scene.cluster.startNode("one", [], join(newer, "node-daemon/main.js"));
      await eventually(() => {
        const now = [...scene.cluster.shims("one"), ...scene.cluster.gateways("one")];
        expect(now.filter((pid) => old.includes(pid))).toEqual([]);
        return Promise.resolve();
      }, 90_000);
    });
  } finally {
    await scene.cluster.stopNode("one");
    rmSync(newer, { recursive: true, force: true });
  }
});

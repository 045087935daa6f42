/** Instances whose processes take requests themselves, at a port that those of one workload share. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestClient } from "../support/client.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { exampleManifest } from "../support/examples.ts";
import { freePort } from "../support/free-port.ts";
import { HttpLoad } from "../support/http-load.ts";
import { wagi } from "../support/loaded-handlers.ts";
import { ask } from "../support/requests.ts";

const name = "direct";
const asked = { host: "any.example.com", path: "/?name=Ada" };
let cluster: TestCluster;
let client: TestClient;
let port: number;

beforeAll(async () => {
  port = await freePort();
  cluster = await TestCluster.start(["one"], { listen: [`127.0.0.1:${port}`] });
  client = cluster.client();
  await cluster.apply(workload(name));
  await client.settled(name, 1, 2);
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

const url = () => `http://127.0.0.1:${port}`;

/** Without a route: nobody needs one here. */
function workload(of: string): string {
  const { image } = wagi;
  return exampleManifest("http/direct.yaml", {
    "name: direct\n": `name: ${of}\n`,
    "app: direct": `app: ${of}`,
    "file://examples/http/tally.wasm": image,
    "port: 9000": `port: ${port}`,
  });
}

test("what is asked is their workload's traffic", async () => {
  const load = new HttpLoad({ urls: [url()], asked: [asked], isRight: wagi.isRight });
  await eventually(async () => {
    const { stdout } = await cluster.wherry("top", "workloads", "--no-headers");
    const [, , ready, , , , , requestsPerSecond = "", inFlight = ""] = stdout.trim().split(/ +/);
    expect(ready).toBe("2/2");
    expect(Number(requestsPerSecond)).toBeGreaterThan(50);
    expect(Number(inFlight)).toBeLessThan(7);
  });
  expect((await load.stop()).failures).toEqual([]);
});

test("another workload finds no node with this port", async () => {
  await cluster.apply(workload("other"));
  await eventually(async () => {
    const { stdout } = await cluster.wherry("describe", "wasminstances", "-l", "app=other");
    expect(stdout).toContain("1 node(s) didn't have free ports for the listeners");
  });
  await client.delete("other");
});

test("no request is lost while instances are replaced", async () => {
  const load = new HttpLoad({ urls: [url()], asked: [asked], isRight: wagi.isRight });
  await load.more(50);
  for (let revision = 1; revision <= 3; revision++) {
    const generation = await client.patch(name, {
      template: { metadata: { labels: { revision: `r${revision}` } } },
    });
    await client.settled(name, generation, 2);
  }
  await load.more(50);
  const { failures, requests } = await load.stop();
  console.log(`${requests} requests`);
  expect(failures).toEqual([]);
});

test("one process is killed: the others answer, and it is started again", async () => {
  const shims = cluster.shims("one");
  const [first = 0] = shims.filter((pid) => isListening(pid));
  process.kill(first, "SIGKILL");
  await eventually(async () => {
    expect((await ask(url(), asked)).status).toBe(200);
    expect(cluster.shims("one").filter(isListening)).toHaveLength(2);
  });
  const instances = await cluster.instances();
  expect(instances).toHaveLength(2);
  expect(Math.max(...instances.map(({ status }) => status.restarts))).toBe(1);
});

/** Whether the process has a socket that listens at the port (proc(5)). */
function isListening(pid: number): boolean {
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/ +/))
    .filter(([, local = "", , state]) => local.endsWith(`:${hexPort}`) && state === "0A")
    .map((fields) => `socket:[${fields[9]}]`);
  return readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.includes(linkOf(`/proc/${pid}/fd/${fd}`)));
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // It was closed meanwhile.
    return "";
  }
}

/** Every guest of examples/, built from its source, and its manifest applied. */
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findRust, rustMissing } from "../../tools/compile-rust.ts";
import { exampleGuests, type ExampleGuest } from "../../tools/guests.ts";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { exampleManifest } from "../support/examples.ts";
import { jobEnd, logsOf } from "../support/jobs.ts";

const built = mkdtempSync(join(tmpdir(), "wherry-examples-"));
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(["one"], { hostPaths: [built], listen: ["127.0.0.1:1024-65535"] });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(built, { recursive: true, force: true });
});

function guestOf(name: string): ExampleGuest {
  const guest = exampleGuests.find((one) => one.name === name);
  if (!guest) throw new Error(`tools/guests.ts has no guest called ${name}`);
  return guest;
}

/** Builds a guest and applies its manifest with what was built. */
async function applyExample(name: string, file: string, changes: Record<string, string> = {}): Promise<void> {
  const { build, kept, target } = guestOf(name);
  const binary = await build();
  if (kept === "checked in") {
    const same = Buffer.from(binary).equals(readFileSync(join(checkout, target)));
    expect(same, `${target} is not what its source makes; run \`npm run guests\``).toBe(true);
  }
  const image = join(built, `${name}.wasm`);
  writeFileSync(image, binary);
  await cluster.apply(
    exampleManifest(`${name}/${file}`, { [`file://${target}`]: `file://${image}`, ...changes }),
  );
}

async function logOfJob(name: string): Promise<string> {
  await jobEnd(cluster, name);
  return (await logsOf(cluster, name)).stdout;
}

test("those that are checked in are there, and so are the manifests that name them", () => {
  for (const { kept, target } of exampleGuests) {
    if (kept !== "ignored") expect(existsSync(join(checkout, target)), target).toBe(true);
  }
});

test("C: greets once a second", async () => {
  await applyExample("hello", "hello.yaml");
  await eventually(async () => {
    const { stdout } = await cluster.wherry("logs", "wasmdeployment/hello");
    expect(stdout).toMatch(/ahoy from hello-\S+, tick 2/);
  });
});

test("C: each completion of an indexed job counts its share", async () => {
  await applyExample("c-job", "primes.yaml");
  const counts = [...(await logOfJob("primes")).matchAll(/(\d+) primes in/g)].map((match) =>
    Number(match[1]),
  );
  expect(counts).toHaveLength(10);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(78_498);
});

test("C: each completion of a job works on its own line of a ConfigMap", async () => {
  await applyExample("jobs", "indexed.yaml");
  const items = [...(await logOfJob("indexed")).matchAll(/item (\w+)/g)].map(([, item = ""]) => item);
  expect(items.sort()).toEqual(["Bergen", "Bristol", "Genoa", "Lisbon", "Valencia"]);
});

test("C++: finds its way through a chart from a ConfigMap", async () => {
  await applyExample("cpp", "route.yaml");
  expect(await logOfJob("route")).toContain("15 steps to the quay");
});

test("AssemblyScript: arguments, environment, the clock and random numbers", async () => {
  await applyExample("assemblyscript", "dice.yaml");
  const log = await logOfJob("dice");
  const today = new Date().getFullYear();
  expect(log).toMatch(new RegExp(`dice-0-\\w+ threw 60 times at ${today}-`));
  expect(log.match(/\*/g)).toHaveLength(60);
});

test("C: a server answers at the socket that its template asks for", async () => {
  const port = await freePort();
  await applyExample("c-server", "server.yaml", { "port: 8088": `port: ${port}` });
  const visit = (path: string) =>
    eventually(async () => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      expect(response.status).toBe(200);
      expect(await response.text()).toMatch(new RegExp(`^server-\\S+: visit \\d, of ${path}\\n$`));
    });
  await visit("/first");
  await visit("/second");
  const { stdout } = await cluster.wherry("logs", "wasmdeployment/server");
  expect(stdout).toContain("GET /first\nGET /second\n");
});

test("C: a shop opens, gets stuck, and is begun anew by its liveness probe", async () => {
  await applyExample("probes", "shop.yaml");
  const shop = async () => {
    const [found] = (await cluster.instances()).filter(({ spec }) => spec.owner.name === "shop");
    return found?.status;
  };
  await eventually(async () => expect(await shop()).toMatchObject({ ready: "1/1", restarts: 0 }));
  await eventually(async () => expect(await shop()).toMatchObject({ ready: "1/1", restarts: 1 }), 120_000);
  const { reason, message } = (await shop())?.lastTermination ?? { reason: "", message: "" };
  expect(reason).toBe("Unhealthy");
  // preStop has the last word.
  expect(message).toMatch(
    /^closed in good order\nits liveness probe failed 2 times in a row: it exited with code 1: /,
  );
});

test("config: a change is seen where it is mounted, and rolled out where that is asked for", async () => {
  await applyExample("config", "config.yaml");
  const log = async (name: string) => (await cluster.wherry("logs", `wasmdeployment/${name}`)).stdout;
  await eventually(async () => {
    expect(await log("keeper")).toBe("the light is green now\n");
    expect(await log("watch")).toBe("the light is green now, I was started with green\n");
  });
  await applyExample("config", "config.yaml", { "colour: green": "colour: red" });
  await eventually(async () => {
    expect(await log("keeper")).toBe("the light is green now\nthe light is red now\n");
    expect(await log("watch")).toBe("the light is red now, I was started with red\n");
  });
});

test("placement: a server at a fixed port, and boats around it", async () => {
  const port = await freePort();
  await cluster.apply(exampleManifest("placement/harbour.yaml", { "port: 8089": `port: ${port}` }));
  await eventually(async () => {
    const response = await fetch(`http://127.0.0.1:${port}/harbour`);
    expect(await response.text()).toContain("of /harbour");
    const boats = (await cluster.instances()).filter(({ spec }) => spec.owner.name === "boats");
    expect(boats.map(({ status }) => status.display)).toEqual(Array.from({ length: 4 }, () => "Running"));
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("C as a component: the clock, the environment and output, half a second apart", async () => {
  await applyExample("c-component", "lighthouse.yaml");
  const log = await logOfJob("lighthouse");
  expect(log.match(/flash \d at \d\d:\d\d:\d\d UTC/g)).toHaveLength(3);
  expect(log).toMatch(/lighthouse-0-\w+ was lit/);
});

test("JavaScript: a component of QuickJS and a script reads its arguments and environment", async () => {
  await applyExample("javascript", "greet.yaml");
  const log = await logOfJob("greet");
  expect(log).toContain("ahoy, Ada");
  expect(log).toContain("ahoy, Grace");
  expect(log).toMatch(/\{"at":"\d{4}-.*","lucky":\d+\}/);
});

const rust = findRust();
test.skipIf(!rust)(
  `Rust: lists a folder and reads its own report${rust ? "" : ` (${rustMissing})`}`,
  async () => {
    await applyExample("rust", "inventory.yaml");
    const log = await logOfJob("inventory");
    expect(log).toMatch(/python +\d+ files +\d+ bytes/);
    expect(log).toMatch(/counted in \d+ ms/);
  },
);

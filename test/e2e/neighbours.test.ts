/** Many instances beside each other, and bad ones among them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileC } from "../../tools/compile-c.ts";
import { eventually, TestCluster, type TestInstance } from "../support/cluster.ts";
import { guest, guestFolder, guestImage } from "../support/guests.ts";
import { deployment, job } from "../support/manifests.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(["one"], { hostPaths: [guestFolder()] });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

async function of(owner: string): Promise<readonly TestInstance[]> {
  return (await cluster.instances()).filter(({ spec }) => spec.owner.name === owner);
}

async function allRunning(owner: string, count: number): Promise<void> {
  await eventually(async () => {
    const instances = await of(owner);
    expect(instances.filter(({ status }) => status.display === "Running").length).toBe(count);
  }, 120_000);
}

async function gone(owner: string): Promise<void> {
  await eventually(async () => expect(await of(owner)).toEqual([]));
}

async function lastTick(instance: TestInstance): Promise<number> {
  const { stdout, stderr } = await cluster.wherry("logs", "--tail", "1", instance.metadata.name);
  const tick = /tick (\d+)/.exec(stdout)?.[1];
  if (tick === undefined)
    throw new Error(`no tick in the log of ${instance.metadata.name}: ${stdout}${stderr}`);
  return Number(tick);
}

/** It runs before it has said anything, and a busy machine may cost a node its session for a moment. */
async function tickOf(instance: TestInstance): Promise<number> {
  let tick = Number.NaN;
  await eventually(async () => void (tick = await lastTick(instance)));
  return tick;
}

test("an empty loop beside 100 others: they go on ticking, and it can be deleted", async () => {
  await cluster.apply(deployment(100, { name: "ticker", image: await guestImage("ticker") }));
  await cluster.apply(deployment(1, { name: "spinner", image: await guestImage("spinner") }));
  await Promise.all([allRunning("ticker", 100), allRunning("spinner", 1)]);
  const [sample] = await of("ticker");
  const first = await tickOf(sample!);
  await eventually(async () => expect(await lastTick(sample!)).toBeGreaterThan(first + 10));
  const deleted = await cluster.wherry("delete", "wasmdeployment", "spinner");
  expect(deleted.stdout).toContain("deleted");
  await gone("spinner");
  const after = await tickOf(sample!);
  await eventually(async () => expect(await lastTick(sample!)).toBeGreaterThan(after));
  expect((await of("ticker")).every(({ status }) => status.restarts === 0)).toBe(true);
  await cluster.wherry("delete", "wasmdeployment", "ticker");
  await gone("ticker");
});

test("1,000 sleeping instances on one daemon, all listed, all stopped by one delete", async () => {
  await cluster.apply(deployment(1_000, { name: "sleeper", image: await guestImage("sleeper") }));
  await allRunning("sleeper", 1_000);
  const { stdout } = await cluster.wherry("get", "wasminstances", "--no-headers");
  expect(
    stdout
      .trim()
      .split("\n")
      .filter((line) => line.startsWith("sleeper") && line.includes("Running")).length,
  ).toBe(1_000);
  await cluster.wherry("delete", "wasmdeployment", "sleeper");
  await gone("sleeper");
}, 240_000);

interface BadModule {
  readonly name: string;
  readonly bytes: () => Promise<Uint8Array | undefined>;
  readonly reason: string;
  readonly message: RegExp;
  readonly template?: Readonly<Record<string, unknown>>;
}

const launcher = `
__attribute__((import_module("rocket"), import_name("launch"))) void launch(void);
int main(void) { launch(); return 0; }
`;

const badModules: readonly BadModule[] = [
  { name: "missing", bytes: async () => undefined, reason: "ModuleNotFound", message: /missing\.wasm/ },
  {
    name: "not-wasm",
    bytes: async () => Buffer.from("#!/bin/sh\necho hello\n"),
    reason: "ModuleInvalid",
    message: /WebAssembly|magic|wasm/i,
  },
  {
    name: "truncated",
    bytes: async () => readFileSync(await guest("ticker")).subarray(0, 5_000),
    reason: "ModuleInvalid",
    message: /./,
  },
  { name: "empty", bytes: async () => new Uint8Array(), reason: "ModuleInvalid", message: /empty/ },
  {
    name: "in need of more than WASI",
    bytes: () => compileC(launcher),
    reason: "ImportsUnsatisfied",
    message: /rocket\.launch/,
  },
  {
    name: "a library",
    bytes: () => compileC("int answer(void) { return 42; }", ["-mexec-model=reactor", "-Wl,--export=answer"]),
    reason: "NoStartFunction",
    message: /_start/,
  },
];

test.each(badModules)(
  "a module that is $name: the instance says so",
  async ({ name: title, bytes, reason, message }) => {
    const name = title.replaceAll(" ", "-").toLowerCase();
    const file = join(cluster.folder, `${name}.wasm`);
    const content = await bytes();
    if (content) writeFileSync(file, content);
    await cluster.apply(deployment(1, { name, image: `file://${file}` }));
    await eventually(async () => {
      const [instance] = await of(name);
      expect(instance?.status.reason).toBe(reason);
      expect(instance?.status.message).toMatch(message);
    });
    await cluster.wherry("delete", "wasmdeployment", name);
    await gone(name);
  },
);

test("a module that needs more memory than its limit: both numbers are named", async () => {
  const file = join(cluster.folder, "greedy.wasm");
  writeFileSync(file, await compileC("int main(void) { return 0; }", ["-Wl,--initial-memory=67108864"]));
  const template = { resources: { limits: { memory: "16Mi" } } };
  await cluster.apply(deployment(1, { name: "greedy", image: `file://${file}`, template }));
  await eventually(async () => {
    const [instance] = await of("greedy");
    expect(instance?.status.reason).toBe("MemoryLimitTooSmall");
    expect(instance?.status.message).toMatch(/64Mi/);
  });
  await cluster.wherry("delete", "wasmdeployment", "greedy");
});

test("a guest stays within its memory limit: malloc says no, the guest goes on", async () => {
  const template = { resources: { limits: { memory: "32Mi" } } };
  const image = await guestImage("hungry");
  await cluster.apply(job({ name: "hungry", image, template, spec: { backoffLimit: 0 } }));
  await eventually(async () => {
    const { status } = await cluster.json<{ status?: { phase?: string } }>("wasmjob", "hungry");
    expect(status?.phase).toBe("Failed");
  });
  const { stdout } = await cluster.wherry("logs", "wasmjob/hungry");
  const megabytes = Number(/got (\d+) MiB/.exec(stdout)?.[1]);
  expect(megabytes).toBeGreaterThan(24);
  expect(megabytes).toBeLessThan(32);
});

test("a guest that traps at once: the reason has the stack, and it backs off", async () => {
  await cluster.apply(deployment(1, { name: "trapper", image: await guestImage("trapper") }));
  await eventually(async () => {
    const [instance] = await of("trapper");
    expect(instance?.status.display).toBe("CrashLoopBackOff");
    expect(instance?.status.lastTermination?.message).toMatch(/unreachable[\s\S]*sink_the_boat/);
    expect(instance?.status.restarts).toBeGreaterThan(0);
  });
  await cluster.wherry("delete", "wasmdeployment", "trapper");
  await gone("trapper");
});

test("a guest that floods its log: the disk stays bounded, the status says so, a neighbour ticks", async () => {
  await cluster.apply(deployment(1, { name: "flooder", image: await guestImage("flooder") }));
  await cluster.apply(deployment(1, { name: "neighbour", image: await guestImage("ticker") }));
  await Promise.all([allRunning("flooder", 1), allRunning("neighbour", 1)]);
  await eventually(async () => expect((await of("flooder"))[0]?.status.logsDropped).toBe(true));
  const { stdout } = await cluster.wherry("logs", "wasmdeployment/flooder");
  expect(stdout.length).toBeLessThan(32 * 1024 * 1024);
  const [neighbour] = await of("neighbour");
  const before = await tickOf(neighbour!);
  await eventually(async () => expect(await lastTick(neighbour!)).toBeGreaterThan(before + 5));
  await cluster.wherry("delete", "wasmdeployment", "flooder", "neighbour");
  await Promise.all([gone("flooder"), gone("neighbour")]);
});

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LaunchPlan } from "../runtimes/v8/launcher.ts";
import { isShimAlive, readSandbox, signalShim } from "../runtimes/v8/sandbox-process.ts";
import { ownLogName } from "../shim/protocol.ts";
import { processStartTicks } from "../shim/process-identity.ts";
import { treeIn } from "./cgroup.ts";
import { confiningLauncher } from "./confining-launcher.ts";
import { detectConfinement } from "./confinement.ts";
import type { Targets } from "./test-hostile-shim.ts";

const confinement = await detectConfinement({
  execPath: process.execPath,
  searchPath: process.env["PATH"] ?? "",
});
const launcher = confiningLauncher(confinement);
const hostileMain = fileURLToPath(new URL("./test-hostile-shim.ts", import.meta.url));
const checkout = fileURLToPath(new URL("../../", import.meta.url));
const server = createServer((socket) => socket.destroy());
const root = mkdtempSync(join(tmpdir(), "wherry-confined-"));
const secret = join(root, "state", "instances", "other", "secret");
let shims = 0;

beforeAll(async () => {
  mkdirSync(join(root, "state", "instances", "other"), { recursive: true });
  mkdirSync(join(root, "readable"));
  writeFileSync(secret, "secret");
  writeFileSync(join(root, "readable", "file"), "readable");
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterAll(() => {
  server.close();
  rmSync(root, { recursive: true, force: true });
});

/** A shim's folder, and the attacker in the shim's place. */
function planOf(given: Partial<LaunchPlan> = {}): LaunchPlan {
  const folder = join(root, "state", "shims", `shim-${shims++}`);
  const logFolder = join(root, "state", "instances", `uid-${shims}`, "logs");
  mkdirSync(folder, { recursive: true });
  const address = server.address();
  const targets: Targets = {
    forbiddenFiles: [secret, "/etc/passwd", "/etc/shadow", join(folder, ownLogName), join(root, "state")],
    daemonPid: process.pid,
    port: typeof address === "object" ? (address?.port ?? 0) : 0,
    readOnlyFile: join(root, "readable", "file"),
    logFolder,
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(targets));
  return {
    folder,
    execPath: process.execPath,
    nodeFlags: [],
    mainFile: hostileMain,
    programPaths: ["node-daemon", "kit", "api", "package.json"].map((name) => join(checkout, name)),
    isolation: "confined",
    readOnlyPaths: [join(root, "readable")],
    writablePaths: [logFolder],
    network: false,
    ...given,
  };
}

/** A program that only says who it is. */
function writeMain(): string {
  const mainFile = join(root, "main.cjs");
  writeFileSync(
    mainFile,
    `const status = require("fs").readFileSync("/proc/self/status", "utf8").replace(/[ \\t]+/g, " ").split("\\n");
     console.log(JSON.stringify({ pid: process.pid, status }));
     setInterval(() => {}, 60_000);`,
  );
  return mainFile;
}

/** Resolves with the first whole line of its log. */
function said(folder: string): Promise<string> {
  const file = join(folder, ownLogName);
  return new Promise((resolve) => {
    const look = () => {
      const text = existsSync(file) ? readFileSync(file, "utf8") : "";
      if (!text.includes("\n")) return;
      watcher.close();
      resolve(text);
    };
    const watcher = watch(folder, look);
    look();
  });
}

describe.skipIf(!confinement.sandbox)("confiningLauncher: a confined shim", () => {
  test("which an attacker has taken over sees and reaches nothing but what is its own", async () => {
    const plan = planOf();
    const child = launcher.launch(plan);
    const gone = new Promise((resolve) => child.once("exit", resolve));
    const found = JSON.parse(await said(plan.folder)) as Record<string, unknown>;
    const absent = expect.stringMatching(/^failed: (ENOENT|ENOTDIR)$/);
    const refused = expect.stringMatching(/^failed: (EROFS|EACCES|EPERM|ENOENT|EBUSY)$/);
    expect(found).toMatchObject({
      processes: ["1", "2"],
      status: [
        "CapPrm: 0000000000000000",
        "CapEff: 0000000000000000",
        "CapBnd: 0000000000000000",
        "NoNewPrivs: 1",
      ],
      environment: [],
      [`read ${secret}`]: absent,
      "read /etc/passwd": absent,
      "read /etc/shadow": absent,
      [`read ${join(plan.folder, ownLogName)}`]: absent,
      "siblings of its folder": 1,
      "read the daemon's environment": absent,
      "signal the daemon": "failed: ESRCH",
      "signal its group": "failed: ESRCH",
      "write /proc/sys/kernel/core_pattern": refused,
      "write /proc/sys/vm/drop_caches": refused,
      "write /proc/sysrq-trigger": refused,
      "write in /": refused,
      "write the program": refused,
      "write the configuration": refused,
      "write what is read-only": refused,
      "read what is read-only": "did: readable",
      "write its folder": "did: undefined",
      "forge its process": "did: undefined",
      "write its log": "did: undefined",
      "run a program": "failed: ENOENT",
      network: expect.stringMatching(/^failed: (ECONNREFUSED|ENETUNREACH)$/),
    });
    // Of the state folder it sees the way to its own parts, and nothing beside it.
    expect(found[`read ${join(root, "state")}`]).toBe("failed: EISDIR");
    expect(found["up from the root"]).toBe(`did: ${(found["root"] as string[]).join(" ")}`);
    expect(found["etc"]).toEqual(["ld.so.cache"]);
    // It may say what it likes about its process: nobody asks it.
    const sandbox = readSandbox(plan.folder);
    expect(sandbox).toMatchObject({ kind: "running", process: { pid: expect.any(Number) } });
    expect(sandbox.kind === "running" && sandbox.process.pid).not.toBe(process.pid);
    signalShim(plan.folder, undefined, "SIGKILL");
    await gone;
    expect(readSandbox(plan.folder).kind).toBe("gone");
  });

  test("with network reaches the machine's, and still no file", async () => {
    const plan = planOf({ network: true });
    const child = launcher.launch(plan);
    const gone = new Promise((resolve) => child.once("exit", resolve));
    const found = JSON.parse(await said(plan.folder)) as Record<string, unknown>;
    expect(found).toMatchObject({ network: "did", [`read ${secret}`]: "failed: ENOENT" });
    signalShim(plan.folder, undefined, "SIGKILL");
    await gone;
  });

  test("outlives what stands before it, and is found and killed all the same", async () => {
    const plan = planOf();
    const child = launcher.launch(plan);
    await said(plan.folder);
    const front = { pid: child.pid ?? 0, startTicks: processStartTicks(child.pid ?? 0) };
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
    expect(isShimAlive(plan.folder, front)).toBe(true);
    const sandbox = readSandbox(plan.folder);
    if (sandbox.kind !== "running") throw new Error("it must be running");
    signalShim(plan.folder, front, "SIGTERM");
    while (isShimAlive(plan.folder, front)) await new Promise((resolve) => setImmediate(resolve));
  });
});

test("confiningLauncher: a process of its own enters its group before it is anything else", async () => {
  const groups = join(root, "groups");
  mkdirSync(groups);
  const grouped = confiningLauncher({ ...confinement, cgroups: treeIn(groups) });
  const plan = planOf({ isolation: "process", mainFile: writeMain(), memoryBytesMax: 2 ** 30 });
  const child = grouped.launch(plan);
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const found = JSON.parse(await said(plan.folder)) as { readonly pid: number };
  const group = join(groups, basename(plan.folder));
  expect(readFileSync(join(group, "cgroup.procs"), "utf8")).toBe(`${found.pid}\n`);
  expect(readFileSync(join(group, "memory.max"), "utf8")).toBe(String(2 ** 30));
  signalShim(plan.folder, { pid: child.pid ?? 0, startTicks: undefined }, "SIGKILL");
  await gone;
  grouped.letGo(plan.folder);
  expect(readFileSync(join(group, "cgroup.kill"), "utf8")).toBe("1");
});

test.skipIf(!confinement.restriction)("confiningLauncher: other shims get no new privileges", async () => {
  const plan = planOf({ isolation: "process", mainFile: writeMain() });
  const child = launcher.launch(plan);
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const found = JSON.parse(await said(plan.folder)) as {
    readonly status: readonly string[];
    readonly pid: number;
  };
  expect(found.status).toContain("NoNewPrivs: 1");
  expect(found.pid).toBe(child.pid);
  if (process.getuid?.() === 0) expect(found.status).toContain("CapEff: 000000000000041b");
  signalShim(plan.folder, { pid: child.pid ?? 0, startTicks: undefined }, "SIGKILL");
  await gone;
});

test("confiningLauncher: a process that waited for nobody is held like one that was started for it", () => {
  const groups = mkdtempSync(join(root, "groups-"));
  const holding = confiningLauncher({ ...confinement, cgroups: treeIn(groups) });
  holding.hold("/state/shims/one", 4711, { memoryBytesMax: 2 ** 20, cpuMillisMax: 250 });
  const read = (file: string) => readFileSync(join(groups, "one", file), "utf8");
  expect([read("memory.max"), read("cpu.max"), read("cgroup.procs")]).toEqual([
    "1048576",
    "25000 100000",
    "4711",
  ]);
  expect(holding.letGo("/state/shims/one")).toEqual({ endedFor: undefined });
  writeFileSync(join(groups, "one", "memory.events"), "oom_kill 1\n");
  expect(holding.letGo("/state/shims/one")).toEqual({ endedFor: "memory" });
});

import type { ChildProcess } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { ShimLauncher } from "../runtimes/v8/launcher.ts";
import { components } from "../components/test-components.ts";
import { readSandbox } from "../runtimes/v8/sandbox-process.ts";
import { connectTo } from "../runtimes/v8/shim-folder.ts";
import { TestNode } from "../runtimes/v8/test-driver.ts";
import { guests } from "../shim/test-guests.ts";
import { confiningLauncher } from "./confining-launcher.ts";
import { detectConfinement } from "./confinement.ts";

const confinement = await detectConfinement({
  execPath: process.execPath,
  searchPath: process.env["PATH"] ?? "",
});
const launcher = confiningLauncher(confinement);
const checkout = fileURLToPath(new URL("../../", import.meta.url));
const lyingMain = fileURLToPath(new URL("./test-lying-shim.ts", import.meta.url));
const confined = { isolation: "confined" } as const;

/** The first process of the only sandbox. */
function sandboxPid(node: TestNode): number {
  const root = join(node.folder, "state", "shims");
  const pids = readdirSync(root).flatMap((name) => {
    const sandbox = readSandbox(join(root, name));
    return sandbox.kind === "running" ? [sandbox.process.pid] : [];
  });
  expect(pids).toHaveLength(1);
  return pids[0] ?? 0;
}

describe.skipIf(!confinement.sandbox)("createV8Driver: a confined run", () => {
  test("does what it does elsewhere, and its log is where it belongs", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open({ launcher });
    driver.start(node.spec("one", await node.prepared(driver, guests.hello("hello\n")), confined));
    expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode: 0 });
    expect(node.log("one")).toContain("stdout F hello\n");
  });

  test("is taken over by the next daemon, and stopped by it", async () => {
    await using node = new TestNode();
    const first = await node.open({ launcher });
    const module = await node.prepared(first.driver, guests.sleeps(60_000));
    first.driver.start(node.spec("one", module, confined));
    await first.told.hasStarted(1);
    const pid = sandboxPid(node);
    await first.driver.close("keep");
    const second = await node.open({ launcher });
    expect(second.adopted).toMatchObject([
      { kind: "running", id: { uid: "one", run: 0 }, isolation: "confined" },
    ]);
    expect(sandboxPid(node)).toBe(pid);
    second.driver.stop("one", 0);
    expect(await second.told.endOf("one")).toEqual({ kind: "stopped" });
  });

  test("has its mounts", async () => {
    await using node = new TestNode();
    const data = join(node.folder, "data");
    mkdirSync(data);
    writeFileSync(join(data, "file"), "content\n");
    const { driver, told } = await node.open({ launcher });
    const mounts = [{ guestPath: "/data", hostPath: data, readOnly: true }];
    const module = await node.prepared(driver, guests.printsFile("file"));
    driver.start(node.spec("one", module, { ...confined, mounts }));
    expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode: 0 });
    expect(node.log("one")).toContain("stdout P cont");
  });

  test("of a component too", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open({ launcher });
    const module = await node.prepared(driver, await components.hello("hello\n"));
    driver.start(node.spec("one", module, confined));
    expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode: 0 });
    expect(node.log("one")).toContain("stdout F hello\n");
  });

  test("whose process does not answer is known to the next daemon all the same, and stopped", async () => {
    await using node = new TestNode();
    const first = await node.open({ launcher });
    const module = await node.prepared(first.driver, guests.sleeps(60_000));
    first.driver.start(node.spec("one", module, confined));
    await first.told.hasStarted(1);
    const firstProcess = sandboxPid(node);
    process.kill(
      Number(readFileSync(`/proc/${firstProcess}/task/${firstProcess}/children`, "utf8")),
      "SIGSTOP",
    );
    await first.driver.close("keep");
    const second = await node.open({ launcher });
    expect(second.adopted).toMatchObject([{ kind: "running", id: { uid: "one", run: 0 } }]);
    second.driver.stop("one", 0);
    expect(await second.told.endOf("one")).toEqual({ kind: "stopped" });
  });

  test("goes on when somebody kills what stands before it, and can be stopped then", async () => {
    await using node = new TestNode();
    const children: ChildProcess[] = [];
    const watched: ShimLauncher = {
      ...launcher,
      launch(plan) {
        const child = launcher.launch(plan);
        children.push(child);
        return child;
      },
    };
    const { driver, told } = await node.open({ launcher: watched });
    driver.start(node.spec("one", await node.prepared(driver, guests.sleeps(60_000)), confined));
    await told.hasStarted(1);
    const gone = new Promise((resolve) => children[0]?.once("exit", resolve));
    children[0]?.kill("SIGKILL");
    await gone;
    driver.stop("one", 0);
    expect(await told.endOf("one")).toEqual({ kind: "stopped" });
  });

  test("is lost when its namespace is killed, and told so", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open({ launcher });
    driver.start(node.spec("one", await node.prepared(driver, guests.sleeps(60_000)), confined));
    await told.hasStarted(1);
    process.kill(sandboxPid(node), "SIGKILL");
    expect(await told.endOf("one")).toMatchObject({ kind: "lost" });
  });

  test("whose process lies about whose it is is killed, and nobody else hears of it", async () => {
    await using node = new TestNode();
    const liar = { mainFile: lyingMain, programPaths: [checkout] };
    const lying: ShimLauncher = {
      ...launcher,
      launch: (plan) => launcher.launch(plan.isolation === "confined" ? { ...plan, ...liar } : plan),
    };
    const { driver, told } = await node.open({ launcher: lying });
    const module = await node.prepared(driver, guests.sleeps(60_000));
    driver.start(node.spec("victim", module, { namespace: "victims" }));
    await told.hasStarted(1);
    driver.start(node.spec("liar", module, confined));
    expect(await told.endOf("liar")).toMatchObject({ kind: "lost" });
    expect(told.ends.map(({ id }) => id.uid)).toEqual(["liar"]);
  });
});

test("connectTo: follows no link that a shim has put in the place of its socket", async () => {
  const folder = mkdtempSync(join(tmpdir(), "wherry-socket-"));
  const server = createServer((socket) => socket.destroy());
  try {
    await new Promise<void>((resolve) => server.listen(join(folder, "of-another.sock"), resolve));
    symlinkSync(join(folder, "of-another.sock"), join(folder, "shim.sock"));
    expect(await connectTo(folder)).toBeUndefined();
    renameSync(join(folder, "of-another.sock"), join(folder, "shim.sock"));
    const socket = await connectTo(folder);
    expect(socket).toBeDefined();
    socket?.destroy();
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

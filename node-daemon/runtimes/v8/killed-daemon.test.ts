import { fork } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { isProcessAlive } from "../../shim/process-identity.ts";
import { guests } from "../../shim/test-guests.ts";
import type { PreparedModule } from "../runtime-driver.ts";
import { TestNode } from "./test-driver.ts";

const program = fileURLToPath(new URL("killed-daemon.ts", import.meta.url));

/** Everything on this machine that was started with a folder below this one. */
function processesOf(folder: string): readonly number[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry) || !isProcessAlive({ pid: Number(entry), startTicks: undefined })) return [];
    try {
      const words = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      return words.some((word) => word.startsWith(`${folder}/`)) ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}

/** Runs that a driver says have started, until it is killed right after so many. */
function startedUntilKilled(
  node: TestNode,
  module: PreparedModule,
  after: number,
): Promise<readonly string[]> {
  const daemon = fork(program, [node.folder, JSON.stringify(module)], { stdio: "inherit" });
  const started: string[] = [];
  daemon.on("message", (uid: string) => {
    started.push(uid);
    if (started.length === after) daemon.kill("SIGKILL");
  });
  return new Promise((resolve) => daemon.once("exit", () => resolve(started)));
}

/** In the middle of the first process, of the first spare, of a second process of a namespace, of the one after. */
test.each([1, 2, 11, 61, 140])(
  "kill -9 of the daemon after %i starts: no run is lost, no process is left over",
  { timeout: 120_000 },
  async (after) => {
    await using node = new TestNode();
    const first = await node.open();
    const module = await node.prepared(first.driver, guests.sleeps(3_600_000));
    const started = await startedUntilKilled(node, module, after);
    const { driver, told, adopted } = await node.open();
    expect(told.ends).toEqual([]);
    const alive = adopted.filter(({ kind }) => kind === "running").map(({ id }) => id.uid);
    expect(alive).toEqual(expect.arrayContaining([...started]));
    // What was told as started is a part of what has started.
    expect(adopted.filter(({ kind }) => kind === "ended")).toEqual([]);
    for (const uid of alive) driver.stop(uid, 0);
    await told.hasEnded(alive.length);
    expect(told.ends.filter(({ end }) => end.kind !== "stopped")).toEqual([]);
    await driver.close("stop");
    await expect.poll(() => processesOf(join(node.folder, "state")), { timeout: 60_000 }).toEqual([]);
  },
);

test("a folder whose process was never started, or is only half written, is removed", async () => {
  await using node = new TestNode();
  const shims = join(node.folder, "state", "shims");
  for (const [name, config] of Object.entries({
    none: undefined,
    half: '{"shimId":"ha',
    whole: '{"shimId":"w"}',
  })) {
    mkdirSync(join(shims, name), { recursive: true });
    if (config !== undefined) writeFileSync(join(shims, name, "config.json"), config);
  }
  const { adopted } = await node.open();
  expect(adopted).toEqual([]);
  expect(readdirSync(shims)).toEqual([]);
});

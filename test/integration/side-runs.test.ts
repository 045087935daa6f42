/** Side runs in real shims: beside a guest that lives, in its process or in another. */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../kit/clock.ts";
import { silentLog } from "../../kit/log.ts";
import { type SideOutcome, SideRuns } from "../../node-daemon/probes/side-runs.ts";
import type {
  PreparedModule,
  RunListener,
  RunSpec,
  RuntimeDriver,
} from "../../node-daemon/runtimes/runtime-driver.ts";
import { Recorder, TestNode } from "../../node-daemon/runtimes/v8/test-driver.ts";
import { guest } from "../support/guests.ts";

let node: TestNode;
let driver: RuntimeDriver;
let told: Recorder;
let module: PreparedModule;
let sideRuns: SideRuns;

/** Side runs are told to whoever began them, everything else to the recorder, as the daemon has it. */
class Reports extends Recorder {
  override started(...given: Parameters<RunListener["started"]>): void {
    if (!sideRuns.started(given[0])) super.started(...given);
  }

  override ended(...given: Parameters<RunListener["ended"]>): void {
    if (!sideRuns.ended(given[0], given[2])) super.ended(...given);
  }
}

beforeAll(async () => {
  node = new TestNode();
  sideRuns = new SideRuns({ clock: systemClock, log: silentLog, generation: "g" });
  told = new Reports();
  ({ driver } = await node.open({}, told));
  module = await node.prepared(driver, readFileSync(await guest("patient")));
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

/** A guest that lives, and where it keeps its data. */
async function patient(uid: string, more: Partial<RunSpec> = {}) {
  const data = join(node.folder, "data", uid);
  await mkdir(data, { recursive: true });
  const spec = node.spec(uid, module, {
    mounts: [{ guestPath: "/data", hostPath: data, readOnly: false }],
    logFolder: join(node.folder, "instances", uid, "logs"),
    ...more,
  });
  driver.start(spec);
  await told.until(() => (told.startedUids.includes(uid) ? true : undefined));
  const ask = (args: readonly string[], timeoutMs = 20_000): Promise<SideOutcome> =>
    sideRuns.run({
      driver,
      spec,
      purpose: "liveness",
      args,
      timeoutMs,
      signal: new AbortController().signal,
    });
  return { data, spec, ask };
}

test.each([{ isolation: "shared" }, { isolation: "process" }] as const)(
  "SideRuns: beside a guest with isolation $isolation, which goes on",
  async ({ isolation }) => {
    const uid = `asked-${isolation}`;
    const { data, spec, ask } = await patient(uid, { isolation });
    expect(await ask(["has", "/data/ready"])).toEqual({
      kind: "ended",
      end: { kind: "exited", exitCode: 1 },
      output: "/data/ready is not there",
    });
    await writeFile(join(data, "ready"), "");
    expect(await ask(["has", "/data/ready"])).toMatchObject({ end: { kind: "exited", exitCode: 0 } });
    expect(await ask(["hang"], 300)).toEqual({ kind: "timedOut", output: "" });
    expect(told.ends.filter(({ id }) => id.uid === uid)).toEqual([]);
    expect(readFileSync(join(data, "runs"), "utf8")).toBe("run\n");
    expect(existsSync(join(spec.logFolder, "..", "side-logs", "liveness-g-0"))).toBe(false);
  },
);

test("SideRuns: a hundred at once that hang are all killed, and the guest goes on", async () => {
  const { ask } = await patient("crowded");
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => ask(["hang"], 200)));
  expect(outcomes.every(({ kind }) => kind === "timedOut")).toBe(true);
  expect(told.ends.filter(({ id }) => id.uid === "crowded")).toEqual([]);
});

import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  appendFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import { seededRandom } from "../../kit/random.ts";
import type { AppendFile } from "../apiserver/audit/rotating-file.ts";
import { defaultConfiguration } from "../core/placement/profile-declaration.ts";
import { noClaims } from "../core/model.ts";
import { aNode } from "../core/testing/builders.ts";
import { Engine } from "../engine/engine.ts";
import { runReplay } from "../replay-command.ts";
import { FakeBackend } from "../testing/fake-backend.ts";
import { FakeNode } from "../testing/fake-node.ts";
import { daemonSet, deployment, job } from "../testing/test-engine.ts";
import { PlacementRecorder } from "./placement-recorder.ts";
import { decodeLine, encodeLine, type RecordedLine } from "./record-lines.ts";
import { RecordWriter } from "./record-writer.ts";
import { Replay, type ReplayReport } from "./replay.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-recording-"));
  file = join(folder, "placement.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** An engine that records, with nodes of four cores. */
async function record(fileBytesMax = 2 ** 20, seed = 7) {
  const clock = new FakeClock();
  const backend = new FakeBackend();
  const recorder = await PlacementRecorder.open({ file, fileBytesMax, backupsMax: 0, clock, log: silentLog });
  const random = seededRandom(seed);
  const engine = new Engine({
    backend,
    clock,
    random,
    log: silentLog,
    lostAfterMs: 15_000,
    observer: recorder,
  });
  await engine.start();
  await settle();
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(100);
      await settle();
    }
    await recorder.idle();
  };
  const node = (name: string) => new FakeNode(name, engine.nodes).connect();
  const deploy = (name: string, replicas: number, cpu = "1") => {
    const object = deployment(replicas, { resources: { requests: { cpu } } });
    backend.put("wasmdeployments", { ...object, metadata: { ...object.metadata, name } });
  };
  const places = () =>
    Object.fromEntries(
      [...engine.instances(undefined)].flatMap(({ uid, state }) =>
        state.kind === "bound" ? [[uid, state.nodeName]] : [],
      ),
    );
  const close = async () => {
    await engine.close();
    await recorder[Symbol.asyncDispose]();
  };
  return { engine, backend, pass, node, deploy, places, close };
}

function linesOf(...files: readonly string[]): readonly RecordedLine[] {
  return files.flatMap((path) =>
    readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => decodeLine(line, path)),
  );
}

function replay(lines: readonly RecordedLine[], profile?: string): ReplayReport {
  const run = new Replay({ profile, differencesMax: 100, placement: defaultConfiguration });
  for (const line of lines) run.take(line);
  return run.report();
}

/** What does not depend on which of equal nodes was taken. */
function same({ recorded: { placed, waiting, meanNodes, mostNodes } }: ReplayReport) {
  return { placed, waiting, meanNodes, mostNodes };
}

/** Comings and goings on three nodes. */
async function busyTimes(cluster: Awaited<ReturnType<typeof record>>) {
  const nodes = ["a", "b", "c"].map((name) => cluster.node(name));
  cluster.deploy("web", 5);
  await cluster.pass(1_000);
  for (const one of nodes) one.runAll();
  cluster.deploy("batch", 9);
  await cluster.pass(1_000);
  cluster.deploy("web", 1);
  await cluster.pass(500);
  for (const one of nodes)
    for (const uid of one.stopped) one.report(uid, { phase: "Failed", reason: "Stopped", ready: false });
  await cluster.pass(12_000);
  cluster.node("d");
  await cluster.pass(1_000);
}

test("record and replay: the same rules decide the same", async () => {
  const cluster = await record();
  await busyTimes(cluster);
  const placed = Object.keys(cluster.places()).length;
  await cluster.close();
  const report = replay(linesOf(file));
  expect(report).toMatchObject({ decided: 14, nodes: 4, lost: 0 });
  // Among equal nodes it is chance, and with it how long some wait.
  expect(report.differing).toBeLessThan(4);
  expect(report.replayed).toMatchObject(same(report));
  expect(placed).toBe(10);
  expect(report.recorded).toMatchObject({ placed: 14, waiting: 0, mostNodes: 3 });
});

test("record and replay: where no nodes are equal, each instance gets the same one", async () => {
  const cluster = await record();
  cluster.node("a");
  await cluster.pass(200);
  cluster.deploy("one", 1);
  await cluster.pass(200);
  cluster.node("b");
  await cluster.pass(200);
  cluster.deploy("three", 1, "3");
  await cluster.pass(200);
  cluster.deploy("two", 1, "2");
  await cluster.pass(200);
  await cluster.close();
  expect(replay(linesOf(file))).toMatchObject({ decided: 3, differing: 0, differences: [] });
});

test("record and replay: what may have one node only may have no other in the replay", async () => {
  const cluster = await record();
  const nodes = ["a", "b", "c"].map((name) => cluster.node(name));
  await cluster.pass(200);
  // By itself placement would prefer the two others now.
  cluster.deploy("web", 1, "2");
  await cluster.pass(500);
  cluster.backend.put("wasmdaemonsets", daemonSet({ resources: { requests: { cpu: "1" } } }));
  await cluster.pass(500);
  expect(nodes.reduce((sum, { held }) => sum + held.size, 0)).toBe(4);
  await cluster.close();
  expect(replay(linesOf(file))).toMatchObject({ decided: 4, differing: 0, differences: [] });
});

test("record and replay: a profile that packs uses fewer nodes, and each difference is told", async () => {
  const cluster = await record();
  cluster.node("a");
  cluster.node("b");
  cluster.deploy("web", 4);
  await cluster.pass(1_000);
  await cluster.close();
  const report = replay(linesOf(file), "pack");
  expect(report.recorded).toMatchObject({ placed: 4, mostNodes: 2, endSkew: 0 });
  expect(report.replayed).toMatchObject({ placed: 4, mostNodes: 1, endSkew: 4, waiting: 0 });
  expect(report.differing).toBe(2);
  expect(report.differences).toMatchObject([
    { workload: "default/web", recorded: "b", replayed: "a" },
    { workload: "default/web", recorded: "b", replayed: "a" },
  ]);
  expect(report.replayed.cpuShare).toBeGreaterThan(report.recorded.cpuShare);
});

test("record and replay: gangs and preemption go the same way", async () => {
  const cluster = await record();
  const a = cluster.node("a");
  for (const [name, value] of [
    ["low", 1],
    ["high", 1_000],
  ] as const)
    cluster.backend.put("priorityclasses", {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name },
      value,
      preemptionPolicy: "PreemptLowerPriority",
    });
  await cluster.pass(100);
  const gang = (name: string, priorityClassName: string) =>
    cluster.backend.put("wasmjobs", {
      ...job({ completions: 2, parallelism: 2, placementPolicy: "AllOrNothing" }),
      metadata: { name, namespace: "default" },
      spec: {
        ...job({ completions: 2, parallelism: 2, placementPolicy: "AllOrNothing" }).spec,
        template: {
          spec: {
            module: { image: "file:///m.wasm" },
            resources: { requests: { cpu: "2" } },
            restartPolicy: "Never",
            priorityClassName,
          },
        },
      },
    });
  gang("low", "low");
  await cluster.pass(500);
  a.runAll();
  gang("waits", "low");
  gang("high", "high");
  await cluster.pass(500);
  expect(a.stopped).toHaveLength(2);
  for (const uid of a.stopped) a.report(uid, { phase: "Failed", reason: "Preempted", ready: false });
  await cluster.pass(2_000);
  expect(Object.values(cluster.places())).toEqual(["a", "a"]);
  await cluster.close();
  const report = replay(linesOf(file));
  expect(report).toMatchObject({ lost: 0, differing: 0 });
  expect(report.recorded).toMatchObject({ placed: 4 });
  expect(report.replayed).toMatchObject({ placed: 4 });
});

test("record: every file stands by itself", async () => {
  const cluster = await record(9_000);
  await busyTimes(cluster);
  await cluster.close();
  const files = readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
  expect(files.length).toBeGreaterThan(1);
  // Renamed ones have their time in their names; the newest has none, and sorts last.
  const whole = replay(linesOf(...files));
  expect(whole).toMatchObject({ decided: 14, lost: 0 });
  expect(whole.replayed).toMatchObject(same(whole));
  for (const one of files.slice(1)) expect(replay(linesOf(one)).nodes, one).toBeGreaterThanOrEqual(3);
});

test("record: files that are smaller than what there is are replayed together", async () => {
  const cluster = await record(1_000);
  await busyTimes(cluster);
  await cluster.close();
  const files = readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
  expect(files.length).toBeGreaterThan(3);
  expect(files.length).toBeLessThan(40);
  const whole = replay(linesOf(...files));
  expect(whole).toMatchObject({ decided: 14, lost: 0 });
  expect(whole.replayed).toMatchObject(same(whole));
});

test("record: instances that are there already are held, and their room is taken", async () => {
  const cluster = await record();
  const a = cluster.node("a");
  cluster.deploy("web", 2);
  await cluster.pass(500);
  a.runAll();
  await cluster.pass(100);
  await cluster.close();
  rmSync(file);
  // Another scheduler, to which the node tells what it has.
  const next = await record(2 ** 20, 8);
  const object = cluster.backend.get({ group: "wherry.dev", plural: "wasmdeployments" }, "default", "web");
  if (object) next.backend.put("wasmdeployments", object);
  new FakeNode("a", next.engine.nodes, [...a.held.values()]).connect();
  await next.pass(500);
  next.deploy("more", 3);
  await next.pass(500);
  await next.close();
  const report = replay(linesOf(file));
  expect(report.recorded).toMatchObject({ placed: 2, waiting: 1 });
  expect(report.replayed).toEqual(report.recorded);
});

test("encodeLine: maps and sets survive", () => {
  const node = aNode("n", {
    allocatable: { ...aNode("n").allocatable, extended: new Map([["example.com/camera", 2]]) },
    evictedOwners: new Set(["u"]),
  });
  const line: RecordedLine = { at: 5, kind: "node", node };
  expect(decodeLine(encodeLine(line), "here")).toEqual(line);
});

test.each([
  { name: "no JSON", text: "{" },
  { name: "another kind", text: '{"at":1,"kind":"Event"}' },
  { name: "no time", text: '{"kind":"gone","uids":[]}' },
  { name: "no object", text: "17" },
])("decodeLine: $name is refused", ({ text }) => {
  expect(() => decodeLine(text, "f, line 3")).toThrow(/^f, line 3: this is no /);
});

/** A disk that can refuse. */
class MemoryFile implements AppendFile {
  text = "";
  isFull = false;

  async prepare(): Promise<void> {
    if (this.isFull) throw new Error("ENOSPC");
  }

  async write(bytes: Buffer): Promise<number> {
    this.text += bytes.toString();
    return bytes.length;
  }

  async close(): Promise<void> {}
}

test("RecordWriter: what a full disk refuses is written later; lines that are lost are told of once it goes on", async () => {
  const memory = new MemoryFile();
  const clock = new FakeClock();
  const told: number[] = [];
  const writer = new RecordWriter({
    file: memory,
    clock,
    log: silentLog,
    recovered: (lost) => {
      told.push(lost);
      writer.write("checkpoint\n");
    },
  });
  memory.isFull = true;
  const long = `${"x".repeat(40 * 2 ** 20)}\n`;
  expect(writer.write(long)).toBe(true);
  expect(writer.write(long)).toBe(false);
  // Fits, but what came before it is lost.
  expect(writer.write("short\n")).toBe(false);
  await settle();
  memory.isFull = false;
  clock.advance(1_000);
  await settle();
  expect(told).toEqual([2]);
  await writer.close();
  expect(memory.text).toBe(`${long}checkpoint\n`);
});

test("Replay: after lines were lost, the checkpoint says what is still there", () => {
  const node = aNode("n1");
  const template = {
    namespace: "default",
    owner: { kind: "WasmDeployment", name: "web", uid: "o" },
    templateId: "",
    templateHash: "h",
    requests: { cpuMillis: 100, memoryBytes: 0 },
    limits: { cpuMillis: 0, memoryBytes: 0 },
    isolation: "shared",
    priority: 0,
    priorityClass: "",
    preempts: true,
    claims: noClaims,
    hasDeadline: false,
    labels: {},
    annotations: {},
  } as const;
  const checkpoint = (lost: number, uids: readonly string[]): readonly RecordedLine[] => [
    { at: 1, kind: "checkpoint", version: 1, lost },
    { at: 1, kind: "node", node },
    { at: 1, kind: "template", id: 1, template, requirements: null, isGang: false },
    { at: 1, kind: "held", template: 1, node: "n1", uids },
    { at: 1, kind: "checkpointed" },
  ];
  const report = replay([...checkpoint(0, ["a", "b"]), ...checkpoint(7, ["b", "c"])]);
  expect(report).toMatchObject({ lost: 7, decided: 0 });
  expect(report.recorded.endSkew).toBe(0);
  expect(report.recorded.mostNodes).toBe(1);
});

async function command(...args: readonly string[]) {
  const printed = { out: "", err: "" };
  const code = await runReplay(args, {
    out: (text) => (printed.out += text),
    err: (text) => (printed.err += text),
  });
  return { code, ...printed };
}

test("wherry-scheduler replay: prints how another profile differs", async () => {
  const cluster = await record();
  cluster.node("a");
  cluster.node("b");
  cluster.deploy("web", 4);
  await cluster.pass(1_000);
  await cluster.close();
  const { code, out } = await command(file, "--profile", "pack", "--differences", "1");
  expect(code).toBe(0);
  expect(out).toMatch(/^4 instances from 2026-01-01T\S+ to \S+ on 2 nodes, replayed with profile pack\.$/m);
  expect(out).toMatch(/^ +RECORDED +REPLAYED$/m);
  expect(out).toMatch(/^nodes in use, at most +2 +1$/m);
  expect(out).toMatch(/^2 of 4 decisions differ; the first 1:$/m);
  expect(out).toMatch(/default\/web +\S+ +b +a$/m);
});

test("wherry-scheduler replay: half a line at the end is what a killed scheduler leaves; in the middle it is damage", async () => {
  const cluster = await record();
  cluster.node("a");
  cluster.deploy("web", 1);
  await cluster.pass(500);
  await cluster.close();
  const whole = readFileSync(file);
  truncateSync(file, whole.length - 9);
  expect((await command(file)).code).toBe(0);
  appendFileSync(file, "\n");
  appendFileSync(file, whole);
  const { code, err } = await command(file);
  expect(code).toBe(1);
  expect(err).toMatch(/placement\.jsonl, line \d+: this is no JSON/);
});

test.each([
  { name: "no file", args: [], message: "name the FILE to replay" },
  { name: "an unknown flag", args: ["--speed", "2"], message: "--speed" },
  { name: "a number that is none", args: ["f", "--differences", "x"], message: "--differences x" },
  { name: "a profile that is none", args: ["f", "--profile", "x"], message: "there are default, pack" },
  {
    name: "a configuration that is not there",
    args: ["f", "--placement-config", "/nonexistent"],
    message: "--placement-config /nonexistent",
  },
])("wherry-scheduler replay: $name is refused with the usage", async ({ args, message }) => {
  const { code, err } = await command(...args);
  expect(code).toBe(2);
  expect(err).toContain(message);
  expect(err).toContain("Usage: wherry-scheduler replay");
});

test.each([
  { name: "a file that is not there", content: undefined, message: "ENOENT" },
  { name: "a file of something else", content: "hello\nworld\n", message: "line 1: this is no JSON" },
  { name: "an empty file", content: "", message: "there is no checkpoint to begin with" },
])("wherry-scheduler replay: $name is told", async ({ content, message }) => {
  if (content !== undefined) writeFileSync(file, content);
  const { code, err } = await command(file);
  expect(code).toBe(1);
  expect(err).toContain(message);
});

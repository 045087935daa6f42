/** Many instances of one module in one process, each with a secret of its own, and each looking for those of the others. */
import { componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";
import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { PreparedModule, RunSpec } from "../../node-daemon/runtimes/runtime-driver.ts";
import { TestNode } from "../../node-daemon/runtimes/v8/test-driver.ts";
import { guest } from "../support/guests.ts";

const rounds = 3;
const together = 30;

async function snoopModule(): Promise<Uint8Array> {
  return new Uint8Array(readFileSync(await guest("snoop")));
}

async function snoopComponent(): Promise<Uint8Array> {
  const adapter = new URL("../../node_modules/@bytecodealliance/jco/lib/", import.meta.url);
  const file = new URL("wasi_snapshot_preview1.command.wasm", adapter);
  return componentNew(await snoopModule(), [["wasi_snapshot_preview1", readFileSync(file)]]);
}

/** Everything that belongs to number `n`: arguments, environment, a mount with a file in it, a namespace. */
function specOf(node: TestNode, module: PreparedModule, n: number, namespace: string): RunSpec {
  const folder = join(realpathSync(node.folder), `data-${n}`);
  mkdirSync(join(folder, "folder"), { recursive: true });
  writeFileSync(join(folder, "secret"), `SECRET-${n}\n`);
  symlinkSync(join("..", `data-${n - 1}`, "secret"), join(folder, "link"));
  return node.spec(`snoop-${n}`, module, {
    namespace,
    args: [`name-${n}`, `SECRET-${n}`, "100"],
    env: [["TOKEN", `SECRET-${n}`]],
    mounts: [{ guestPath: "/data", hostPath: folder, readOnly: false }],
  });
}

interface Findings {
  readonly arguments: readonly string[];
  readonly variables: readonly string[];
  readonly secrets: readonly string[];
  readonly files: readonly string[];
  readonly listed: readonly string[];
  readonly descriptors: readonly string[];
  readonly dirtyBytes: number;
  readonly random: string;
}

/** What one of them wrote into its log. */
function findingsOf(log: string): Findings {
  const lines = log.split("\n").map((line) => line.replace(/^\S+ \S+ \S+ /, ""));
  const after = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  return {
    arguments: after("argument"),
    variables: after("variable"),
    secrets: [...new Set(after("found").map((found) => found.split(" ")[1] ?? ""))],
    files: after("opened"),
    listed: after("listed"),
    descriptors: after("descriptor"),
    dirtyBytes: Number(/^\d+ dirty (\d+)$/.exec(after("pages")[0] ?? "")?.[1] ?? "-1"),
    random: after("random")[0] ?? "",
  };
}

describe.each([
  ["modules", snoopModule],
  ["components", snoopComponent],
] as const)("instances of one shim: %s", (_title, build) => {
  test("each finds its own, and nothing of the others, also of those that have ended", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, await build());
    for (let round = 0; round < rounds; round++) {
      const numbers = Array.from({ length: together }, (_, index) => 1_000 + round * together + index);
      for (const n of numbers) driver.start(specOf(node, module, n, "default"));
      driver.start(specOf(node, module, 2_000 + round, "other"));
      await told.hasEnded((round + 1) * (together + 1));
    }
    expect(told.ends.map(({ end }) => end)).toEqual(told.ends.map(() => ({ kind: "exited", exitCode: 0 })));
    // One process for each namespace.
    expect(node.shimPids()).toHaveLength(2);

    const randoms = new Set<string>();
    for (const { id } of told.ends) {
      const n = id.uid.replace("snoop-", "");
      const findings = findingsOf(node.log(id.uid));
      expect(findings).toEqual({
        arguments: [`name-${n}`, `SECRET-${n}`, "100"],
        variables: [`TOKEN=SECRET-${n}`],
        secrets: [n],
        files: ["/data/secret", "/data/folder"],
        listed: expect.arrayContaining(["/data folder", "/data link", "/data secret"]) as string[],
        descriptors: ["0", "1", "2", "3"],
        dirtyBytes: 0,
        random: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      });
      expect(findings.listed).toHaveLength(3);
      randoms.add(findings.random);
    }
    expect(randoms.size).toBe(told.ends.length);
  }, 120_000);

  test("usage and ends are told for each by itself", async () => {
    await using node = new TestNode({ usagePeriodMs: 20 });
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, await build());
    for (const n of [1, 2, 3]) driver.start(specOf(node, module, n, "default"));
    await told.hasEnded(3);
    const uids = [...new Set(told.usages.map(({ id }) => id.uid))].toSorted();
    expect(uids).toEqual(["snoop-1", "snoop-2", "snoop-3"]);
    for (const { memoryBytes } of told.usages) expect(memoryBytes).toBeLessThanOrEqual(4 * 2 ** 20);
  }, 60_000);
});

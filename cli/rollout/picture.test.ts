import { expect, test } from "vitest";
import { cutLine, LiveLines } from "../output/live-lines.ts";
import { TestTerminal } from "../testing/test-terminal.ts";
import { InstanceCensus } from "./instance-census.ts";
import { pictureLines, troubleText, type RevisionView, type RolloutView } from "./picture.ts";

const plain = { colours: false, unicode: true, columns: 80 };
const counts = { wanted: 10, updated: 4, ready: 8, available: 7, old: 6 };

function revision(number: number | undefined, parts: Partial<RevisionView>): RevisionView {
  const nothing = { ready: 0, starting: 0, waiting: 0, stopping: 0, isCurrent: false };
  return { ...nothing, templateHash: `h${number}`, number, ...parts };
}

function view(parts: Partial<RolloutView> = {}): RolloutView {
  return {
    reference: "wasmdeployment.wherry.dev/web",
    progress: {
      kind: "waiting",
      text: "Waiting for it...",
      left: "4 out of 10 new instances have been updated",
      counts,
    },
    revisions: [
      revision(3, { ready: 5, stopping: 1 }),
      revision(4, { ready: 2, starting: 1, waiting: 1, isCurrent: true }),
    ],
    current: 4,
    troubles: [],
    elapsedMs: 12_000,
    idleness: undefined,
    ...parts,
  };
}

test("pictureLines: the current revision first, each with its bar, and what is waited for", () => {
  expect(pictureLines(view(), plain)).toEqual([
    "wasmdeployment.wherry.dev/web   rolling out   12s",
    "  revision 4  ██████▒▒▒▒▒▒░░░░░░░░░░░░░░░░░░  2 ready, 1 starting, 1 waiting for a node, of 10",
    "  revision 3  ███████████████▒▒▒              5 ready, 1 stopping",
    "  waiting: 4 out of 10 new instances have been updated",
  ]);
});

test.each([
  { name: "a little while", idleness: { idleMs: 9_000, deadlineMs: 600_000 }, expected: "" },
  {
    name: "long",
    idleness: { idleMs: 45_000, deadlineMs: 600_000 },
    expected: " (no progress for 45s; fails after 10m)",
  },
  {
    name: "long, without a deadline",
    idleness: { idleMs: 45_000, deadlineMs: undefined },
    expected: " (no progress for 45s)",
  },
])("pictureLines: no progress for $name", ({ idleness, expected }) => {
  const line = pictureLines(view({ idleness }), plain).find((one) => one.startsWith("  waiting: "));
  expect(line).toBe(`  waiting: 4 out of 10 new instances have been updated${expected}`);
});

test("pictureLines: letters where there are no blocks", () => {
  expect(pictureLines(view(), { ...plain, unicode: false }).slice(1, 3)).toEqual([
    "  revision 4  ######++++++..................  2 ready, 1 starting, 1 waiting for a node, of 10",
    "  revision 3  ###############+++              5 ready, 1 stopping",
  ]);
});

test.each([
  {
    name: "without the instances: what the status says",
    parts: { revisions: undefined },
    lines: [
      "  revision 4  ████████████░░░░░░░░░░░░░░░░░░  4 of 10 made",
      "  earlier     ██████████████████              6 left",
    ],
  },
  {
    name: "nobody knows the revision's number yet",
    parts: { revisions: [revision(undefined, { ready: 1 })] },
    lines: ["  revision ?  ███                             1 ready"],
  },
  {
    name: "one of ten thousand is seen",
    parts: {
      revisions: [revision(4, { ready: 1, isCurrent: true })],
      progress: { ...view().progress, counts: { ...counts, wanted: 10_000 } } as RolloutView["progress"],
    },
    lines: ["  revision 4  █░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  1 ready, of 10000"],
  },
  {
    name: "more instances than are wanted",
    parts: { revisions: [revision(4, { ready: 20, starting: 10, isCurrent: true })] },
    lines: ["  revision 4  ████████████████████▒▒▒▒▒▒▒▒▒▒  20 ready, 10 starting, of 10"],
  },
  {
    name: "none wanted",
    parts: {
      revisions: [revision(4, { isCurrent: true })],
      progress: { ...view().progress, counts: { ...counts, wanted: 0 } } as RolloutView["progress"],
    },
    lines: ["  revision 4  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  0 ready, of 0"],
  },
])("pictureLines: $name", ({ parts, lines }) => {
  expect(pictureLines(view(parts), plain).slice(1, 1 + lines.length)).toEqual(lines);
});

test("pictureLines: reasons whole, but not without end, and nothing that a terminal would obey", () => {
  const troubles = ["web-1: Bad: \u001b[2J gone\nand a second line", "w ".repeat(500), "c", "d", "e", "f"];
  const lines = pictureLines(view({ troubles }), { ...plain, columns: 40 });
  const from = lines.findIndex((line) => line.startsWith("  ! "));
  expect(lines.slice(from, from + 2)).toEqual(["  ! web-1: Bad: \\x1b[2J gone and a", "    second line"]);
  expect(lines.slice(-4)).toEqual([expect.stringMatching(/ …$/), "  ! c", "  ! d", "  ! and 2 more"]);
  expect(lines).toHaveLength(4 + 2 + 3 + 3);
});

test("pictureLines: many revisions are not all shown", () => {
  const revisions = Array.from({ length: 30 }, (_, index) =>
    revision(index + 1, { ready: 1, isCurrent: index === 4 }),
  );
  const lines = pictureLines(view({ revisions }), plain).filter((line) => line.includes("revision"));
  expect(lines.map((line) => line.slice(2, 13).trim())).toEqual(
    [5, 30, 29, 28, 27, 26].map((n) => `revision ${n}`),
  );
});

interface InstanceParts {
  readonly hash?: string;
  readonly node?: string;
  readonly ready?: string;
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly display?: string;
}

function instance(name: string, { hash = "h", node = "n", ...status }: InstanceParts) {
  return {
    apiVersion: "live.wherry.dev/v1alpha1",
    kind: "WasmInstance",
    metadata: { name, uid: name, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { templateHash: hash, nodeName: node },
    status: { phase: "Running", ready: "0/1", ...status },
  };
}

test("InstanceCensus: counts by template and stage, and forgets what is gone", () => {
  const census = new InstanceCensus();
  const see = (object: ReturnType<typeof instance>) => census.take({ kind: "present", object }, 0);
  census.take({ kind: "listing" }, 0);
  see(instance("a", { ready: "1/1" }));
  see(instance("b", {}));
  see(instance("c", { node: "", phase: "Pending" }));
  see(instance("d", { hash: "old", display: "Terminating" }));
  see(instance("e", { hash: "old", phase: "Failed" }));
  census.take({ kind: "listed" }, 0);
  const all = { templateHash: "h", ready: 1, starting: 1, waiting: 1, stopping: 0 };
  const old = { templateHash: "old", ready: 0, starting: 0, waiting: 0, stopping: 1 };
  expect(census.revisions()).toEqual([all, old]);
  census.take({ kind: "gone", object: instance("d", {}) }, 0);
  see(instance("b", { ready: "1/1" }));
  expect(census.revisions()).toEqual([{ ...all, ready: 2, starting: 0 }]);
  // A second list that does not have it.
  census.take({ kind: "listing" }, 0);
  see(instance("a", { ready: "1/1" }));
  census.take({ kind: "listed" }, 0);
  expect(census.revisions()).toEqual([{ ...all, ready: 1, starting: 0, waiting: 0 }]);
});

test("InstanceCensus: reasons of those that have not been ready for a while, the same ones together", () => {
  const census = new InstanceCensus();
  const see = (name: string, parts: InstanceParts, nowMs: number) =>
    census.take({ kind: "present", object: instance(name, parts) }, nowMs);
  see("a", { reason: "Crashing", message: "a ended with 1" }, 0);
  see("b", { reason: "Crashing", message: "b ended with 1" }, 0);
  see("c", { reason: "Other", message: "" }, 0);
  see("late", { reason: "Preparing" }, 1_900);
  see("fine", { ready: "1/1", reason: "Warm" }, 0);
  see("old", { hash: "old", reason: "Crashing" }, 0);
  expect(census.troubles("h", 1_000)).toEqual([]);
  expect(census.troubles("h", 2_000).map(troubleText)).toEqual([
    "2 instances, such as a: Crashing: a ended with 1",
    "c: Other",
  ]);
  expect(census.troubles(undefined, 2_000)).toHaveLength(3);
  // What says something else meanwhile has still not been ready since the beginning.
  see("a", { reason: "BackOff", message: "a ended with 1" }, 2_000);
  expect(census.troubles("h", 2_000).map(({ reason }) => reason)).toEqual(["BackOff", "Crashing", "Other"]);
  see("a", { ready: "1/1" }, 3_000);
  see("a", { reason: "BackOff" }, 4_000);
  expect(census.troubles("h", 5_000).map(({ example }) => example)).not.toContain("a");
});

test.each([
  { name: "one that fits", line: "abc", width: 3, expected: "abc" },
  { name: "one that does not", line: "abcd", width: 3, expected: "ab…" },
  {
    name: "styles count nothing",
    line: "\u001b[1mabc\u001b[0m",
    width: 3,
    expected: "\u001b[1mabc\u001b[0m",
  },
  { name: "styles are ended", line: "\u001b[1mabcd\u001b[0m", width: 3, expected: "\u001b[1mab\u001b[0m…" },
  { name: "no room at all", line: "abc", width: 0, expected: "…" },
])("cutLine: $name", ({ line, width, expected }) => {
  expect(cutLine(line, width)).toBe(expected);
});

test("LiveLines: writes over the lines before and clears what is left of them", async () => {
  const terminal = new TestTerminal("/");
  terminal.screen = { columns: 10, rows: 24 };
  const lines = new LiveLines(terminal);
  await lines.show(["one", "two"]);
  await lines.show(["three is too long"]);
  await lines.show([]);
  expect(terminal.stdout).toBe(
    [
      "\rone\u001b[K\n\rtwo\u001b[K\n\u001b[J",
      "\u001b[2A\rthree is…\u001b[K\n\u001b[J",
      "\u001b[1A\u001b[J",
    ].join(""),
  );
});

test("LiveLines: shows no more than the screen has, or it could not be written over", async () => {
  const terminal = new TestTerminal("/");
  terminal.screen = { columns: 10, rows: 3 };
  const lines = new LiveLines(terminal);
  await lines.show(["1", "2", "3", "4"]);
  await lines.show(["5"]);
  expect(terminal.stdout).toBe("\r1\u001b[K\n\r2\u001b[K\n\u001b[J\u001b[2A\r5\u001b[K\n\u001b[J");
});

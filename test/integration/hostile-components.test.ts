/** Components that mean harm, on real shims: what they try, and that their neighbours and the node do not notice. */
/* oxlint-disable max-lines -- tables of attempts that share their builders */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { RunEnd, RunSpec } from "../../node-daemon/runtimes/runtime-driver.ts";
import { TestNode } from "../../node-daemon/runtimes/v8/test-driver.ts";
import { guests } from "../../node-daemon/shim/test-guests.ts";
import { assembleComponent, component, type ComponentParts, componentText } from "../support/components.ts";

const mebibyte = 2 ** 20;

const memoryAndRealloc = "(memory $memory) (realloc $realloc)";

/** What several attempts import. */
const poll = `
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.ready" (func (param "self" (borrow $pollable)) (result bool)))
    (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
  (alias export $poll "pollable" (type $pollable))
  (alias export $poll "poll" (func $poll-function))
  (alias export $poll "[method]pollable.ready" (func $ready))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $outer))
    (export "pollable" (type $p (eq $outer)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
  (alias export $clock "subscribe-duration" (func $subscribe))`;
const pollCanons = {
  subscribe: "(canon lower (func $subscribe))",
  ready: "(canon lower (func $ready))",
  poll: `(canon lower (func $poll-function) ${memoryAndRealloc})`,
  drop: "(canon resource.drop $pollable)",
};
const pollImports = `
  (import "c" "subscribe" (func $subscribe (param i64) (result i32)))
  (import "c" "ready" (func $ready (param i32) (result i32)))
  (import "c" "poll" (func $poll (param i32 i32 i32)))
  (import "c" "drop" (func $drop (param i32)))
  (import "c" "memory" (memory 1))`;
const environment = `
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-arguments" (func (result (list string))))))
  (alias export $environment "get-arguments" (func $arguments))`;
const ownResource = `(type $own (resource (rep i32)))`;

/** A loop without end around `code`. */
const forever = (code: string) => `(loop $again ${code} (br $again))`;
const run = (code: string) => `(func (export "run") (result i32) ${code} (i32.const 0))`;

interface Outcome {
  readonly end: RunEnd | undefined;
  /** Of the shim, while it ran. */
  readonly peakBytes: number;
}

function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1] ?? "0") * 4_096;
  } catch {
    return 0;
  }
}

/** Runs it beside a neighbour, which has to go on. */
async function outcomeOf(binary: Uint8Array, more: Partial<RunSpec> = {}): Promise<Outcome> {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const neighbour = await node.prepared(driver, guests.ticks(20, "tick\n"));
  const module = await node.prepared(driver, binary);
  driver.start(node.spec("neighbour", neighbour));
  await told.hasStarted(1);
  const [pid = 0] = node.shimPids();
  let peakBytes = 0;
  const watch = setInterval(() => (peakBytes = Math.max(peakBytes, residentBytes(pid))), 20);
  driver.start(node.spec("hostile", module, { memoryBytesMax: 8 * mebibyte, ...more }));
  const end = await told.endOf("hostile");
  clearInterval(watch);
  driver.stop("neighbour", 0);
  expect(await told.endOf("neighbour")).toEqual({ kind: "stopped" });
  expect(node.shimPids()).toEqual([pid]);
  return { end, peakBytes };
}

type Attempt = readonly [title: string, parts: ComponentParts];

describe("what the host keeps for a component is bounded: it traps before it takes much", () => {
  const creates = (canon: string, result: string, params = "", args = "", outer = ""): ComponentParts => ({
    outer,
    canons: { create: canon },
    core: `(import "c" "create" (func $create ${params} (result ${result})))
      ${run(forever(`(drop (call $create ${args}))`))}`,
  });
  const table: readonly Attempt[] = [
    [
      "pollables",
      {
        outer: poll,
        canons: pollCanons,
        core: `${pollImports} ${run(forever("(drop (call $subscribe (i64.const 0)))"))}`,
      },
    ],
    [
      "resources of its own",
      creates("(canon resource.new $own)", "i32", "(param i32)", "(i32.const 1)", ownResource),
    ],
    ["sets of waitables", creates("(canon waitable-set.new)", "i32")],
    ["streams", creates("(canon stream.new $s)", "i64", "", "", "(type $s (stream u8))")],
    ["futures", creates("(canon future.new $f)", "i64", "", "", "(type $f (future u8))")],
    [
      "drops of resources that it never had",
      {
        outer: ownResource,
        canons: { drop: "(canon resource.drop $own)" },
        core: `(import "c" "drop" (func $drop (param i32)))
          ${run(`(local $i i32) (local.set $i (i32.const 1))
            ${forever("(call $drop (local.get $i)) (local.set $i (i32.add (local.get $i) (i32.const 1)))")}`)}`,
      },
    ],
    [
      "contexts of errors",
      creates(
        `(canon error-context.new ${memoryAndRealloc})`,
        "i32",
        "(param i32 i32)",
        "(i32.const 0) (i32.const 60000)",
      ),
    ],
  ];

  test.each(table)(
    "%s without end",
    async (_title, parts) => {
      const { end, peakBytes } = await outcomeOf(await component(parts));
      expect(end).toMatchObject({ kind: "trapped" });
      expect(end).not.toMatchObject({ reason: "InternalError" });
      expect(peakBytes).toBeLessThan(600 * mebibyte);
    },
    60_000,
  );
});

describe("what a component hands over is looked at first: it traps, at once", () => {
  const polls = (pointer: number, length: number): ComponentParts => ({
    outer: poll,
    canons: pollCanons,
    core: `${pollImports} ${run(`(call $poll (i32.const ${pointer}) (i32.const ${length}) (i32.const 16))`)}`,
  });
  const table: readonly Attempt[] = [
    ["a list of 4,294,967,295 pollables", polls(0, -1)],
    ["a list of 1,073,741,824 pollables", polls(0, 2 ** 30)],
    ["a list behind the end of the memory", polls(65_536, 1)],
    ["a list across the end of the memory", polls(65_532, 2)],
    ["a list that is not aligned", polls(2, 1)],
    ["an empty list to wait for", polls(0, 0)],
    ["handles that it does not have", polls(0, 4)],
    [
      "a list of 10,000 times one pollable",
      {
        outer: poll,
        canons: pollCanons,
        core: `${pollImports} ${run(`
          (local $i i32) (local $handle i32)
          (local.set $handle (call $subscribe (i64.const 0)))
          (loop $fill
            (i32.store (local.get $i) (local.get $handle))
            (local.set $i (i32.add (local.get $i) (i32.const 4)))
            (br_if $fill (i32.lt_u (local.get $i) (i32.const 40000))))
          (call $poll (i32.const 0) (i32.const 10000) (i32.const 60000))`)}`,
      },
    ],
    [
      "a pollable that was dropped",
      {
        outer: poll,
        canons: pollCanons,
        core: `${pollImports} ${run(`
          (local $handle i32)
          (local.set $handle (call $subscribe (i64.const 0)))
          (call $drop (local.get $handle))
          (drop (call $ready (local.get $handle)))`)}`,
      },
    ],
    [
      "a pollable dropped twice",
      {
        outer: poll,
        canons: pollCanons,
        core: `${pollImports} ${run(`
          (local $handle i32)
          (local.set $handle (call $subscribe (i64.const 0)))
          (call $drop (local.get $handle))
          (call $drop (local.get $handle))`)}`,
      },
    ],
    [
      "handle 0",
      {
        outer: poll,
        canons: pollCanons,
        core: `${pollImports} ${run("(drop (call $ready (i32.const 0)))")}`,
      },
    ],
    [
      "handle -1",
      {
        outer: poll,
        canons: pollCanons,
        core: `${pollImports} ${run("(drop (call $ready (i32.const -1)))")}`,
      },
    ],
    [
      "a handle of another type",
      {
        outer: `${poll} ${ownResource}`,
        canons: { ...pollCanons, create: "(canon resource.new $own)" },
        core: `${pollImports} (import "c" "create" (func $create (param i32) (result i32)))
          ${run("(drop (call $ready (call $create (i32.const 1))))")}`,
      },
    ],
    [
      "resources of its own that it never had",
      {
        outer: ownResource,
        canons: { rep: "(canon resource.rep $own)" },
        core: `(import "c" "rep" (func $rep (param i32) (result i32))) ${run("(drop (call $rep (i32.const 7)))")}`,
      },
    ],
    ["a result that is none", { core: `(func (export "run") (result i32) (i32.const 7))` }],
  ];

  test.each(table)("%s", async (_title, parts) => {
    const { end } = await outcomeOf(await component(parts));
    expect(end).toMatchObject({ kind: "trapped" });
    expect(end).not.toMatchObject({ reason: "InternalError" });
  });
});

describe("an allocator that does not do what it should", () => {
  const asks = (allocator: string, core = ""): ComponentParts => ({
    outer: environment,
    canons: { arguments: `(canon lower (func $arguments) ${memoryAndRealloc})` },
    allocator: `(func $realloc (export "realloc") (param i32 i32 i32 i32) (result i32) ${allocator})`,
    core: `(import "c" "arguments" (func $arguments (param i32))) ${core}
      ${run("(call $arguments (i32.const 0))")}`,
  });
  const table: readonly Attempt[] = [
    ["answers a place behind the memory", asks("(i32.const 65537)")],
    ["answers the last place of all", asks("(i32.const -4)")],
    ["never answers", asks(`${forever("")} (unreachable)`)],
    ["recurses without end", asks("(call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1))")],
    ["traps", asks("(unreachable)")],
    [
      "grows the memory each time, then answers what was",
      asks("(drop (memory.grow (i32.const 1))) (i32.const -65536)"),
    ],
  ];

  test.each(table)("traps when it %s", async (_title, parts) => {
    const { end } = await outcomeOf(await component(parts), { args: ["first", "second", "x".repeat(5_000)] });
    expect(end).toMatchObject({ kind: "trapped" });
    expect(end).not.toMatchObject({ reason: "InternalError" });
  });
});

describe("what never ends is stopped", () => {
  const table: readonly Attempt[] = [
    ["a loop", { core: run(forever("")) }],
    ["a loop in the start section", { core: `(start 0) (func ${forever("")}) ${run("")}` }],
    [
      "a wait for 500 years",
      {
        outer: poll,
        canons: pollCanons,
        core: `${pollImports} ${run(`
          (i32.store (i32.const 0) (call $subscribe (i64.const 0x7fffffffffffffff)))
          (call $poll (i32.const 0) (i32.const 1) (i32.const 16))`)}`,
      },
    ],
    [
      "polling what is ready",
      {
        outer: poll,
        canons: pollCanons,
        core: `${pollImports} ${run(`
          (i32.store (i32.const 0) (call $subscribe (i64.const 0)))
          ${forever("(call $poll (i32.const 0) (i32.const 1) (i32.const 16))")}`)}`,
      },
    ],
    [
      "subscribing and dropping",
      {
        outer: poll,
        canons: pollCanons,
        core: `${pollImports} ${run(forever("(call $drop (call $subscribe (i64.const 1000)))"))}`,
      },
    ],
    [
      "handlers that catch everything",
      { core: run(forever(`(block $caught (try_table (catch_all $caught) ${forever("")}))`)) },
    ],
  ];

  test.each(table)("%s", async (_title, parts) => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const neighbour = await node.prepared(driver, guests.ticks(20, "tick\n"));
    const module = await node.prepared(driver, await component(parts));
    driver.start(node.spec("neighbour", neighbour));
    driver.start(node.spec("hostile", module, { memoryBytesMax: 8 * mebibyte }));
    await told.hasStarted(2);
    // A neighbour that goes on sees some of it run.
    driver.start(node.spec("timer", await node.prepared(driver, guests.sleepsThenExits(300, 0))));
    expect(await told.endOf("timer")).toEqual({ kind: "exited", exitCode: 0 });
    driver.stop("hostile", 0);
    expect(await told.endOf("hostile")).toEqual({ kind: "stopped" });
    driver.stop("neighbour", 0);
    expect(await told.endOf("neighbour")).toEqual({ kind: "stopped" });
  });
});

describe("caps hold over all core modules together", () => {
  const many = (count: number, code: string, pages = 1) => {
    const modules = Array.from(
      { length: count },
      (_, index) => `(core instance $n${index} (instantiate $one))`,
    );
    return `(component
      (core module $one (memory (export "memory") ${pages}) (func (export "run") (result i32) ${code}))
      ${modules.join(" ")}
      (func $run (result (result)) (canon lift (core func $n0 "run")))
      (instance $command (export "run" (func $run)))
      (export "wasi:cli/run@0.2.0" (instance $command)))`;
  };

  test("memories that are too much at the start", async () => {
    const { end } = await outcomeOf(await assembleComponent(many(10, "(i32.const 0)", 32)), {
      memoryBytesMax: 8 * mebibyte,
    });
    expect(end).toMatchObject({ kind: "refused", reason: "MemoryLimitTooSmall" });
  });

  test("one that grows as far as it can gets no further than all may", async () => {
    const grows = `(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (i32.gt_u (memory.size) (i32.const 121))`;
    // 128 pages, of which seven are the others'.
    const { end } = await outcomeOf(await assembleComponent(many(8, grows)), {
      memoryBytesMax: 8 * mebibyte,
    });
    expect(end).toEqual({ kind: "exited", exitCode: 0 });
  });

  test("calls from one core module to another and back end as an exhausted stack", async () => {
    const { end } = await outcomeOf(
      await component({
        allocator: `(table (export "table") 1 funcref) (type $f (func))
          (func (export "realloc") (param i32 i32 i32 i32) (result i32) (unreachable))
          (func (export "back") (call_indirect (type $f) (i32.const 0)))`,
        canons: {},
        core: run("(unreachable)"),
      }),
    );
    expect(end).toMatchObject({ kind: "trapped" });
  });
});

describe("names that are meant to become code", () => {
  const names = [
    `x'); globalThis.escaped = 1; ('`,
    `x"); globalThis.escaped = 1; ("`,
    "x`); globalThis.escaped = 1; (`",
    "${globalThis.escaped = 1}",
    "x\\",
    "x*/ globalThis.escaped = 1 /*",
    "x\nglobalThis.escaped = 1",
    "x\u2028globalThis.escaped = 1",
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "then",
    "hasOwnProperty",
    "0",
    "",
    "\u{10ffff}",
  ];
  const escaped = (name: string) =>
    [...Buffer.from(name)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");

  /** Either it is refused for good, or it runs and exits with what it was made to. */
  async function isHarmless(text: string): Promise<void> {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const outcome = await node.prepare(driver, await assembleComponent(text));
    if (outcome.kind === "rejected") {
      expect(outcome.message.length).toBeLessThan(4_096);
      return;
    }
    driver.start(node.spec("hostile", outcome.module, { memoryBytesMax: 8 * mebibyte }));
    expect(await told.endOf("hostile")).toEqual({ kind: "exited", exitCode: 0 });
  }

  test.each(names)("exports of core modules: %j", async (name) => {
    await isHarmless(`(component
      (core module $one
        (func (export "${escaped(name)}") (result i32) (i32.const 0)))
      (core instance $i (instantiate $one))
      (func $run (result (result)) (canon lift (core func $i "${escaped(name)}")))
      (instance $command (export "run" (func $run)))
      (export "wasi:cli/run@0.2.0" (instance $command)))`);
  });

  test.each(names)("imports of core modules, and instances made of names: %j", async (name) => {
    await isHarmless(`(component
      (core module $one (func (export "${escaped(name)}") (result i32) (i32.const 0)))
      (core instance $i (instantiate $one))
      (core instance $made (export "${escaped(name)}" (func $i "${escaped(name)}")))
      (core module $two
        (import "${escaped(name)}" "${escaped(name)}" (func $f (result i32)))
        (func (export "run") (result i32) (call $f)))
      (core instance $j (instantiate $two (with "${escaped(name)}" (instance $made))))
      (func $run (result (result)) (canon lift (core func $j "run")))
      (instance $command (export "run" (func $run)))
      (export "wasi:cli/run@0.2.0" (instance $command)))`);
  });

  test.each(["then", "constructor", "to-string", "a.b", "x:y/z@1.0.0", "[constructor]own"])(
    "exports of the component: %j",
    async (name) => {
      const text = componentText({ core: run("") }).replace(
        /\)$/,
        ` (func $extra (result (result)) (canon lift (core func $i "run"))) (export "${name}" (func $extra)))`,
      );
      let binary: Uint8Array;
      try {
        binary = await assembleComponent(text);
      } catch {
        // No name that a component may export.
        return;
      }
      await using node = new TestNode();
      const { driver, told } = await node.open();
      const outcome = await node.prepare(driver, binary);
      if (outcome.kind === "rejected") return;
      driver.start(node.spec("hostile", outcome.module, { memoryBytesMax: 8 * mebibyte }));
      await told.hasStarted(1);
      driver.stop("hostile", 0);
      expect((await told.endOf("hostile")).kind).toMatch(/^(?:exited|stopped|trapped)$/);
    },
  );
});

describe("shapes that a translator may choke on: refused, or run, and the next component is translated", () => {
  const nestedLists = (depth: number) => `${"(list ".repeat(depth)}u8${")".repeat(depth)}`;
  const nestedComponents = (depth: number) => `${"(component ".repeat(depth)}${")".repeat(depth)}`;
  const withImport = (type: string) =>
    componentText({
      outer: `(import "wasi:cli/environment@0.2.0" (instance (export "f" (func (param "x" ${type})))))`,
      core: run(""),
    });
  const table: readonly (readonly [title: string, text: string])[] = [
    ["a type that is nested 90 times", withImport(nestedLists(90))],
    ["components nested 90 times", componentText({ outer: nestedComponents(90), core: run("") })],
    [
      "2,000 types",
      componentText({
        outer: Array.from({ length: 2_000 }, () => "(type (list u8))").join(" "),
        core: run(""),
      }),
    ],
    [
      "a record of 1,000 fields",
      componentText({
        outer: `(type (record ${Array.from({ length: 1_000 }, (_, i) => `(field "f${i}" u8)`).join(" ")}))`,
        core: run(""),
      }),
    ],
    [
      "500 core instances",
      componentText({
        outer: `(core module $x (memory 0)) ${Array.from({ length: 500 }, () => "(core instance (instantiate $x))").join(" ")}`,
        core: run(""),
      }),
    ],
    [
      "200 core modules",
      componentText({
        outer: Array.from(
          { length: 200 },
          (_, i) => `(core module $x${i} (func)) (core instance (instantiate $x${i}))`,
        ).join(" "),
        core: run(""),
      }),
    ],
    [
      "instances that double at each of 20 levels",
      `(component
        (component $c0 (core module $m (func)) (core instance (instantiate $m)))
        ${Array.from(
          { length: 20 },
          (_, i) =>
            `(component $c${i + 1} (alias outer 1 $c${i} (component $b)) (instance (instantiate $b)) (instance (instantiate $b)))`,
        ).join(" ")}
        (instance (instantiate $c20))
        (core module $code (func (export "run") (result i32) (i32.const 0)))
        (core instance $i (instantiate $code))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $command (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $command)))`,
    ],
  ];

  test.each(table)(
    "%s",
    async (_title, text) => {
      await using node = new TestNode();
      const { driver, told } = await node.open();
      const outcome = await node.prepare(driver, await assembleComponent(text));
      if (outcome.kind === "prepared") {
        driver.start(node.spec("hostile", outcome.module, { memoryBytesMax: 8 * mebibyte }));
        expect(["exited", "trapped", "refused"]).toContain((await told.endOf("hostile")).kind);
      } else {
        expect(outcome.message.length).toBeLessThan(4_096);
      }
      const fine = await node.prepared(driver, await component({ core: run("") }));
      driver.start(node.spec("fine", fine, { memoryBytesMax: 8 * mebibyte }));
      expect(await told.endOf("fine")).toEqual({ kind: "exited", exitCode: 0 });
    },
    120_000,
  );
});

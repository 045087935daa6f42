import { describe, expect, test } from "vitest";
import { engine, RewrittenGuest } from "./rewritten-guest.ts";
import type { Bytes } from "./wasm-builder.ts";
import {
  buildModule,
  custom,
  exportItem,
  functionType,
  importItem,
  kind,
  name,
  sized,
  u32,
  vector,
} from "./wasm-builder.ts";
import { op } from "./opcodes.ts";

const none = functionType([], []);
const nameMap = (entries: readonly (readonly [number, string])[]): Bytes =>
  vector(entries.map(([index, text]) => [...u32(index), ...name(text)]));
const subsection = (id: number, contents: Bytes): Bytes => [id, ...sized(contents)];

const functionNames = subsection(
  1,
  nameMap([
    [0, "waiting"],
    [1, "outer"],
    [2, "inner"],
  ]),
);
const localNames = subsection(2, vector([[1, ...nameMap([[0, "counter"]])]]));
const labelNames = subsection(3, vector([[1, ...nameMap([[0, "again"]])]]));
const globalNames = subsection(7, nameMap([[0, "state"]]));

function namedModule(names: Bytes, more: readonly Bytes[] = []): Uint8Array {
  return buildModule({
    types: [none],
    imports: [importItem("host", "wait", kind.function, [0])],
    functions: [
      { type: 0, code: [op.loop, 0x40, op.end, op.call, 0, op.call, 2] },
      { type: 0, code: [op.unreachable] },
    ],
    exports: [exportItem("run", kind.function, 1)],
    customs: [custom("name", names), ...more],
  });
}

function customSections(bytes: Uint8Array, title: string): Uint8Array[] {
  const { Module } = engine as unknown as {
    readonly Module: {
      new (bytes: Uint8Array): object;
      customSections(module: object, name: string): ArrayBuffer[];
    };
  };
  return Module.customSections(new Module(bytes), title).map((section) => new Uint8Array(section));
}

function stackOf(call: () => unknown): string {
  try {
    call();
  } catch (thrown) {
    return thrown instanceof Error ? (thrown.stack ?? "") : "";
  }
  throw new Error("it did not trap");
}

describe("names", () => {
  test("rewriteModule: stacks keep the guest's names", () => {
    const names = [functionNames, localNames, labelNames, globalNames].flat();
    let inside = "";
    const wait = () => {
      inside = new Error("here").stack ?? "";
    };
    const guest = new RewrittenGuest(namedModule(names), { imports: { host: { wait } } });
    const stack = stackOf(() => guest.call("run"));
    expect(stack).toMatch(/inner[^]*outer/);
    expect(inside).toMatch(/wherry\.import\.host\.wait[^]*outer/);
  });

  test("rewriteModule: locals move with their functions, labels go, all else stays", () => {
    const names = [functionNames, localNames, labelNames, globalNames].flat();
    const { bytes } = new RewrittenGuest(namedModule(names), {
      imports: { host: { wait: () => undefined } },
    });
    const [section] = customSections(bytes, "name");
    const text = Buffer.from(section ?? []).toString("latin1");
    expect(text).not.toContain("again");
    expect(text).toContain(Buffer.from(globalNames).toString("latin1"));
    expect(text).toContain(String.fromCharCode(1, 2, 1, 0, 7) + "counter");
    const order = ["waiting", "wherry.yield", "outer", "inner", "wherry.import.host.wait", "wherry.yielded"];
    const found = order.map((entry) => text.indexOf(entry));
    expect(found).toEqual(found.toSorted((a, b) => a - b));
    expect(found[0]).toBeGreaterThan(0);
  });

  test.each([
    { name: "none", names: [] },
    { name: "a broken section", names: [1, 99, 1] },
    { name: "a section with a broken name", names: [1, 3, 1, 0, 9] },
    { name: "names of locals only", names: localNames },
  ])("rewriteModule: $name is made good", ({ names }) => {
    const guest = new RewrittenGuest(namedModule(names), { imports: { host: { wait: () => undefined } } });
    expect(stackOf(() => guest.call("run"))).toContain("unreachable");
    expect(customSections(guest.bytes, "name")).toHaveLength(1);
  });

  test("rewriteModule: names of functions are cut, and forge no lines; the module's name goes", () => {
    const long = `${"n".repeat(255)}é`;
    const forging = "a)\n    at b (wasm://\u2028\u202e\x7f";
    const entries: readonly (readonly [number, string])[] = [
      [0, "größe"],
      [1, long],
      [2, forging],
    ];
    const names = [subsection(0, name("my module")), subsection(1, nameMap(entries)), globalNames].flat();
    const { bytes } = new RewrittenGuest(namedModule(names), {
      imports: { host: { wait: () => undefined } },
    });
    const [section] = customSections(bytes, "name");
    const text = Buffer.from(section ?? []).toString("utf8");
    expect(text).not.toContain("my module");
    expect(text).toContain("größe");
    expect(text).toContain(`${"n".repeat(255)}\x03`);
    expect(text).not.toContain("né");
    expect(text).toContain("a)?    at b (wasm://???");
    expect(text).toContain(Buffer.from(globalNames).toString("latin1"));
    const guest = new RewrittenGuest(namedModule(names), { imports: { host: { wait: () => undefined } } });
    const stack = stackOf(() => guest.call("run"));
    expect(stack).toContain("a)?    at b");
    expect(stack).not.toContain("my module");
  });

  test("rewriteModule: a name that is no UTF-8 becomes empty, and the others stay", () => {
    const broken = subsection(1, vector([[1, 2, 0xff, 0xfe], nameMap([[2, "inner"]]).slice(1)]));
    const guest = new RewrittenGuest(namedModule(broken), { imports: { host: { wait: () => undefined } } });
    expect(stackOf(() => guest.call("run"))).toContain("inner");
  });

  test("rewriteModule: custom sections stay, but for those that tell of the old code", () => {
    const titles = ["producers", "mine", ".debug_info", "linking", "reloc.CODE", "sourceMappingURL"];
    const more = titles.map((title) => custom(title, [1, 2, 3]));
    const { bytes } = new RewrittenGuest(namedModule([], more), {
      imports: { host: { wait: () => undefined } },
    });
    const kept = titles.filter((title) => customSections(bytes, title).length > 0);
    expect(kept).toEqual(["producers", "mine"]);
  });
});

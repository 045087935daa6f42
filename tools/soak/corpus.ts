import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { components } from "../../node-daemon/components/test-components.ts";
import { guests } from "../../node-daemon/shim/test-guests.ts";

export interface Seed {
  readonly name: string;
  readonly binary: Uint8Array;
  /** How often it is taken: small ones more, so that a soak gets far. */
  readonly weight: number;
}

const root = join(import.meta.dirname, "../..");

/** Whatever of these is there: examples that are built, and modules of others that come with the dependencies. */
const patterns = [
  "examples/*/*.wasm",
  "node_modules/@yowasp/clang/gen/llvm.core[234].wasm",
  "node_modules/@yowasp/nextpnr-ice40/gen/*.core[234].wasm",
  "node_modules/@yowasp/nextpnr-ice40/gen/{icepll,icepack}.core.wasm",
  "node_modules/@bytecodealliance/jco/lib/wasi_snapshot_preview1.command.wasm",
];

const seedBytesMax = 400_000;

const ownWeight = 20;

function weightOf(bytes: number): number {
  return Math.min(5, 20_000 / (bytes + 500));
}

/** Small commands with all that they do, and real modules. */
export function loadCorpus(): readonly Seed[] {
  const own: [string, Uint8Array][] = [
    ["hello", guests.hello("hello\n")],
    ["exits", guests.exits(3)],
    ["sleeps", guests.sleepsThenExits(5, 3)],
    ["ticks", guests.ticks(5, "tick\n")],
    ["spins in start", guests.spinsInStartSection()],
    ["traps", guests.traps()],
    ["recurses", guests.recurses()],
    ["catches all", guests.catchesAll(5)],
    ["grows", guests.grows(5)],
    ["reads input", guests.readsInput(3)],
    ["calls the host", guests.callsHost()],
    ["yields", guests.yields()],
  ];
  const files = globSync(patterns, { cwd: root }).toSorted();
  const real = files.map((file): [string, Uint8Array] => [
    file,
    new Uint8Array(readFileSync(join(root, file))),
  ]);
  return [
    ...own.map(([name, binary]) => ({ name, binary, weight: ownWeight })),
    ...real
      .filter(([, binary]) => binary.length <= seedBytesMax)
      .map(([name, binary]) => ({ name, binary, weight: weightOf(binary.length) })),
  ];
}

/** Small components with all that they do. */
export async function loadComponentCorpus(): Promise<readonly Seed[]> {
  const made: readonly (readonly [name: string, binary: Promise<Uint8Array>])[] = [
    ["exits", components.exits(0)],
    ["calls exit", components.callsExit(1)],
    ["hello", components.hello("hello\n")],
    ["sleeps", components.sleeps(5)],
    ["traps", components.traps()],
    ["recurses", components.recurses()],
    ["spins in start", components.spinsInStartSection()],
    ["spins in realloc", components.spinsInRealloc()],
    ["spins in post-return", components.spinsInPostReturn()],
    ["spins in a destructor", components.spinsInDestructor()],
    ["traps in a destructor", components.trapsInDestructor()],
    ["catches all in realloc", components.catchesAllInRealloc()],
    ["yields", components.yields()],
    ["floods", components.floods()],
    ["grows", components.grows(5)],
    ["grows two", components.growsTwo(5)],
  ];
  return Promise.all(made.map(async ([name, binary]) => ({ name, binary: await binary, weight: 1 })));
}

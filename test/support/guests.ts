import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileC } from "../../tools/compile-c.ts";
import { compileHandler, handlerFiles } from "../../tools/compile-handler.ts";
import { checkout } from "./cluster.ts";

export type GuestName =
  | "burglar"
  | "ticker"
  | "sleeper"
  | "spinner"
  | "trapper"
  | "flooder"
  | "hungry"
  | "snoop"
  | "worker"
  | "echo"
  | "waker"
  | "patient"
  | "resident"
  | "reader"
  | "herald"
  | "liar"
  | "wrecker"
  | "dawdler"
  | "tracee"
  | "parrot";

/** These are components. */
const handlers: ReadonlySet<GuestName> = new Set<GuestName>(["wrecker"]);

const folder = mkdtempSync(join(tmpdir(), "wherry-guests-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const built = new Map<GuestName, Promise<string>>();

/** The file of a guest from test/guests, compiled at its first use of all. */
export function guest(name: GuestName): Promise<string> {
  const known = built.get(name);
  if (known) return known;
  const building = compile(name);
  built.set(name, building);
  return building;
}

/** The same as a module's image. */
export async function guestImage(name: GuestName): Promise<string> {
  return `file://${await guest(name)}`;
}

export function guestFolder(): string {
  return folder;
}

async function compile(name: GuestName): Promise<string> {
  const source = readFileSync(join(checkout, "test/guests", `${name}.c`), "utf8");
  const target = join(folder, `${name}.wasm`);
  const kept = join(keptFolder, `${name}-${digestOf(source)}.wasm`);
  if (!existsSync(kept)) keep(kept, await (handlers.has(name) ? compileHandler : compileC)(source));
  copyFileSync(kept, target);
  return target;
}

/** Most files of tests need the same few guests, and each runs in a process that would have to load the compiler. */
const keptFolder = join(checkout, ".cache/test-guests");

/** Of everything that the compiler's output depends on. */
function digestOf(source: string): string {
  const hash = createHash("sha256").update(source);
  const tools = ["tools/compile-c.ts", "tools/compile-handler.ts", "node_modules/@yowasp/clang/package.json"];
  for (const file of [...tools, ...handlerFiles])
    hash.update("\0").update(readFileSync(join(checkout, file)));
  return hash.digest("hex").slice(0, 16);
}

/** Whole or not at all: other files of tests look for it at the same time. */
function keep(file: string, content: Uint8Array): void {
  mkdirSync(keptFolder, { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, content);
  renameSync(unfinished, file);
}

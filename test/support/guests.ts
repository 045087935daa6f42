import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileC } from "../../tools/compile-c.ts";
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
  | "herald";

const folder = mkdtempSync(join(tmpdir(), "wherry-guests-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const built = new Map<GuestName, Promise<string>>();

/** The file of a guest from test/guests, compiled at its first use. */
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
  writeFileSync(target, await compileC(source));
  return target;
}

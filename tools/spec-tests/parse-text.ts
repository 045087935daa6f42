/** Turns module texts into binaries, with whatever parser knows their instructions. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";

const assembler = fileURLToPath(new URL("../../node_modules/.bin/wasm-as", import.meta.url));
const assembleMsMax = 60_000;

/** Undefined if it is no text of a module. */
export async function parseText(text: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return new Uint8Array(await parse(text));
  } catch {
    return undefined;
  }
}

/** With Binaryen, which still reads the exceptions that came before those of the standard. */
export function assembleText(text: string): Uint8Array<ArrayBuffer> | undefined {
  const folder = mkdtempSync(join(tmpdir(), "wherry-spec-tests-"));
  const source = join(folder, "module.wat");
  const target = join(folder, "module.wasm");
  try {
    writeFileSync(source, text);
    execFileSync(assembler, ["--all-features", source, "-o", target], {
      stdio: "ignore",
      timeout: assembleMsMax,
    });
    return new Uint8Array(readFileSync(target));
  } catch {
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

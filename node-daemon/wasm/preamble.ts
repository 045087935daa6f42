import { Rejection } from "./binary-reader.ts";
import type { RewriteLimits } from "./module-facts.ts";

/** Tells a core module from what people load by mistake. */
export function checkPreamble(binary: Uint8Array, limits: RewriteLimits): void {
  if (binary.length > limits.moduleBytesMax) {
    throw new Rejection(
      "ModuleTooLarge",
      `the module has ${binary.length} bytes, at most ${limits.moduleBytesMax} are allowed`,
    );
  }
  const [b0, b1, b2, b3, b4, b5, b6, b7] = binary;
  if (b0 !== 0x00 || b1 !== 0x61 || b2 !== 0x73 || b3 !== 0x6d) {
    throw new Rejection("ModuleInvalid", `offset 0x0: ${describe(binary)}`);
  }
  if (b4 === 0x01 && b5 === 0 && b6 === 0 && b7 === 0) return;
  if (b6 === 0x01 && b7 === 0) {
    throw new Rejection(
      "ModuleInvalid",
      "offset 0x4: this is a WebAssembly component, not a core module; its core modules are rewritten one by one",
    );
  }
  if (binary.length < 8) throw new Rejection("ModuleInvalid", "offset 0x4: the file ends within its header");
  throw new Rejection(
    "ModuleInvalid",
    `offset 0x4: version 1 of WebAssembly was expected, found bytes ${hex(binary, 4, 8)}`,
  );
}

function describe(binary: Uint8Array): string {
  if (binary.length === 0) return "the file is empty";
  if (binary[0] === 0x1f && binary[1] === 0x8b)
    return "the file is compressed with gzip; a .wasm file was expected";
  const text = String.fromCharCode(...binary.subarray(0, 64)).trimStart();
  if (text.startsWith("(module") || text.startsWith("(component") || text.startsWith(";;")) {
    return "the file is WebAssembly text (.wat); compile it to .wasm first";
  }
  if (text.startsWith("<"))
    return "the file is HTML or XML, perhaps an error page of the server it came from";
  return `\\0asm was expected, found bytes ${hex(binary, 0, 4)}`;
}

function hex(binary: Uint8Array, from: number, to: number): string {
  return [...binary.subarray(from, to)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

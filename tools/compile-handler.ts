/** Handlers of wasi:http in C: against the header of `examples/http`, to a component. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { compileC } from "./compile-c.ts";
import { root } from "./gate.ts";
import { componentOfLibrary } from "./make-component.ts";

/** What a handler depends on beside its own source. */
export const handlerFiles = ["examples/http/wasi-http.h", "examples/http/world.wit"] as const;

export async function compileHandler(source: string): Promise<Uint8Array> {
  const [header = "", world = ""] = await Promise.all(
    handlerFiles.map((file) => readFile(join(root, file), "utf8")),
  );
  const library = await compileC(source, ["-mexec-model=reactor"], { "wasi-http.h": header });
  return componentOfLibrary(library, world);
}

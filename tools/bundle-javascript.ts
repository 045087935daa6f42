/** One file out of many, with rolldown, which comes with jco. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { jcoFolder } from "./wasi-packages.ts";

interface Rolldown {
  rolldown(options: { input: string; resolve: { alias: Readonly<Record<string, string>> } }): Promise<{
    generate(options: { format: "esm" }): Promise<{ readonly output: readonly [{ readonly code: string }] }>;
    close(): Promise<void>;
  }>;
}

/** `alias`: where to find what is imported by name. */
export async function bundleJavaScript(
  file: string,
  alias: Readonly<Record<string, string>>,
): Promise<string> {
  const ofJco = createRequire(join(jcoFolder, "dist", "jco.js"));
  const library = (await import(ofJco.resolve("rolldown"))) as Rolldown; // As its documentation has it.
  const bundle = await library.rolldown({ input: file, resolve: { alias } });
  try {
    const { output } = await bundle.generate({ format: "esm" });
    return output[0].code;
  } finally {
    await bundle.close();
  }
}

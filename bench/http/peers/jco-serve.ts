import { join } from "node:path";
import { root } from "../../../tools/gate.ts";
import { startProgram, type Server } from "../server.ts";

const jco = join(root, "node_modules", "@bytecodealliance", "jco", "dist", "jco.js");
export const helloComponent = join(root, "examples", "http", "hello.wasm");

/** The smallest component there is, so that what remains is jco's own. */
export function jcoServe({ fresh }: { readonly fresh: boolean }): Server {
  const isolation = fresh ? ["--isolate-requests=instance"] : [];
  return {
    name: `jco serve, C component, ${fresh ? "a fresh instance per request" : "one instance"}`,
    start: () =>
      startProgram(process.execPath, (port) => [
        jco,
        "serve",
        "--host=127.0.0.1",
        `--port=${port}`,
        ...isolation,
        helloComponent,
      ]),
  };
}

import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../../tools/gate.ts";
import { startProgram, type Server } from "../server.ts";

const jco = join(root, "node_modules", "@bytecodealliance", "jco", "dist", "jco.js");

export interface HelloComponent {
  readonly name: string;
  /** Below `examples/http`. */
  readonly file: string;
}

/** The smallest that there is: what remains is the host's own. */
export const cComponent: HelloComponent = { name: "C component", file: "hello.wasm" };
export const javaScriptComponent: HelloComponent = { name: "JavaScript component", file: "counter.wasm" };

export function fileOf({ file }: HelloComponent): string {
  const path = join(root, "examples", "http", file);
  if (existsSync(path)) return path;
  throw new Error(`${file} is not built; run \`npm run guests -- http/${file.replace(".wasm", "")}\``);
}

export function jcoServe(component: HelloComponent, { fresh }: { readonly fresh: boolean }): Server {
  const isolation = fresh ? ["--isolate-requests=instance"] : [];
  return {
    name: `jco serve, ${component.name}, ${fresh ? "a fresh instance per request" : "one instance"}`,
    async start() {
      const file = fileOf(component);
      return startProgram(process.execPath, (port) => [
        jco,
        "serve",
        "--host=127.0.0.1",
        `--port=${port}`,
        ...isolation,
        file,
      ]);
    },
  };
}

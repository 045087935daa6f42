import { startProgram, type Server } from "../server.ts";
import { cComponent, fileOf } from "./jco-serve.ts";

/** Not in any registry of npm's or Debian's, so it is measured only where somebody has installed it. */
export const wasmtimeServe: Server = {
  name: "wasmtime serve, C component",
  start: () =>
    startProgram("wasmtime", (port) => ["serve", "--addr", `127.0.0.1:${port}`, fileOf(cComponent)]),
};

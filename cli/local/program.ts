import { fileURLToPath } from "node:url";

/** A service's main file: beside `cli`, in the sources as in dist. */
export function serviceProgram(service: "scheduler" | "node-daemon"): string {
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`../../${service}/main.${ending}`, import.meta.url));
}

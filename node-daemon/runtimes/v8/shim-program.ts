/** The program of a shim, and the flags of the engine that it runs with. */
import { fileURLToPath } from "node:url";

export const mainFile = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../shim/main.ts" : "../../shim/main.js", import.meta.url),
);

/**
 * The shim collects dead instances itself, as the engine does not know that mappings are scarce (see ShimBudget). A small
 * young generation saves a quarter of the memory of a sleeping instance, and costs no measurable start rate.
 */
export const nodeFlags = ["--disable-warning=ExperimentalWarning", "--expose-gc", "--max-semi-space-size=2"];

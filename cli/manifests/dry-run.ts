import { Failure } from "../failure.ts";
import type { DryRun } from "./apply-object.ts";

/** Reads `--dry-run`. */
export function parseDryRun(mode: string | undefined): DryRun {
  if (mode === undefined || mode === "none") return "none";
  if (mode === "server" || mode === "client") return mode;
  throw new Failure(`--dry-run "${mode}" is not known; it is none, client or server`);
}

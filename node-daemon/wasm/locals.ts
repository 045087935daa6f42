import type { BinaryReader } from "./binary-reader.ts";
import { localsMax } from "./opcodes.ts";
import { readValueType } from "./value-types.ts";

/** The declarations at the beginning of a function body. */
export interface Locals {
  /** Beside the parameters. */
  readonly count: number;
  /** In which they are declared, and where the first stands. */
  readonly groups: number;
  readonly groupsAt: number;
  readonly features: number;
  readonly hasVectors: boolean;
}

export function readLocals(reader: BinaryReader, typeCount: number): Locals {
  const groups = reader.count("groups of locals", 2);
  const groupsAt = reader.pos;
  let count = 0;
  let features = 0;
  let hasVectors = false;
  for (let i = 0; i < groups; i++) {
    const at = reader.pos;
    count += reader.u32();
    if (count > localsMax) reader.invalid(`more than ${localsMax} locals`, at);
    const type = readValueType(reader, typeCount);
    features |= type.features;
    if (type.text === "v128") hasVectors = true;
  }
  return { count, groups, groupsAt, features, hasVectors };
}

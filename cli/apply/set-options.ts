import { Failure } from "../failure.ts";

export interface SetOptions {
  readonly prune?: boolean;
  readonly applyset?: string;
}

/** The set that is applied, or undefined. Throws when the options say only half of it. */
export function applySetOf({ prune = false, applyset }: SetOptions): string | undefined {
  if (applyset !== undefined && !prune)
    throw new Failure(
      "--applyset requires --prune: it says what is to be deleted when it is no longer in the files",
    );
  if (prune && applyset === undefined)
    throw new Failure(
      "--prune needs --applyset=NAME or --applyset=TYPE/NAME: only what is known to be of the set is ever deleted",
    );
  return applyset;
}

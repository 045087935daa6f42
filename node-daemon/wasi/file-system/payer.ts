/**
 * Who pays for work that goes on after the call which asked for it has returned: on this thread in steps, or on another. One
 * per thread, as one guest at a time runs on it: while a call is under way the payer is who made it.
 */

/** Takes milliseconds of CPU time. */
export type Pay = (ms: number) => void;

const nobody: Pay = () => {};
let findPayer = (): Pay => nobody;

/** `find` is asked while a call is under way. */
export function payWith(find: () => Pay | undefined): void {
  findPayer = () => find() ?? nobody;
}

export function payer(): Pay {
  return findPayer();
}

/** Below 1 some of the node is kept back. Nothing can be placed on what is nearly nothing. */
export const overcommitMin = 0.1;
/** Above it a node has promised so much that only its evictions decide. */
export const overcommitMax = 100;

const form = /^\d{1,3}(\.\d{1,3})?$/;

/** What is wrong with a ratio, if anything. */
export function checkRatio(text: string): string | undefined {
  const ratio = form.test(text) ? Number(text) : Number.NaN;
  if (ratio >= overcommitMin && ratio <= overcommitMax) return undefined;
  return `must be a number from ${overcommitMin} to ${overcommitMax} with at most three decimals, such as 1.5; to keep instances away, cordon the node`;
}

/** Of a text that validation has accepted; anything else counts as no overcommit. */
export function ratioOf(text: string): number {
  return checkRatio(text) === undefined ? Number(text) : 1;
}

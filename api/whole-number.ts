/** A whole number of 64 bits, as Kubernetes reads what Gt and Lt compare; undefined for any other text. */
export function parseWholeNumber(text: string): bigint | undefined {
  if (!/^[+-]?\d{1,63}$/.test(text)) return undefined;
  const number = BigInt(text.replace(/^\+/, ""));
  return number === BigInt.asIntN(64, number) ? number : undefined;
}

/** Amounts of instances or nodes as workloads and disruption budgets declare them: `2`, `"2"` or `"25%"`. */

export function isShare(declared: number | string): boolean {
  return typeof declared === "string" && declared.endsWith("%");
}

/** How many of `all` that is. `round` is for shares only; text that is no number, which validation refuses, is none. */
export function amountOf(
  declared: number | string,
  all: number,
  round: (exact: number) => number = Math.ceil,
): number {
  if (typeof declared === "number") return declared;
  const value = Number.parseInt(declared, 10);
  if (!Number.isFinite(value)) return 0;
  return isShare(declared) ? round((value * all) / 100) : value;
}

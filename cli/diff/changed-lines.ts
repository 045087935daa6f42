/** One line of two texts: in both, only in the first, or only in the second. */
export interface DiffLine {
  readonly kind: "same" | "removed" | "added";
  readonly text: string;
}

/**
 * Edits that are searched for. Two objects that differ in more lines have little in common, and the search takes time and memory
 * with the square of it; what is then between their common beginning and end is told as replaced.
 */
const editsMax = 1_000;

/** The shortest way from one text to the other (Myers, "An O(ND) Difference Algorithm and Its Variations"). */
export function changedLines(from: readonly string[], to: readonly string[]): readonly DiffLine[] {
  let start = 0;
  while (start < from.length && start < to.length && from[start] === to[start]) start++;
  let end = 0;
  while (
    end < from.length - start &&
    end < to.length - start &&
    from[from.length - 1 - end] === to[to.length - 1 - end]
  )
    end++;
  const before = from.slice(start, from.length - end);
  const after = to.slice(start, to.length - end);
  const same = (text: string): DiffLine => ({ kind: "same", text });
  return [
    ...from.slice(0, start).map(same),
    ...(shortestEdits(before, after) ?? replacement(before, after)),
    ...from.slice(from.length - end).map(same),
  ];
}

function replacement(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  return [
    ...before.map((text) => ({ kind: "removed", text }) as const),
    ...after.map((text) => ({ kind: "added", text }) as const),
  ];
}

/** undefined: there are more than `editsMax`. */
function shortestEdits(from: readonly string[], to: readonly string[]): readonly DiffLine[] | undefined {
  /** For each number of edits, the furthest place in `from` on each diagonal (place in `from` minus place in `to`). */
  const rounds: Map<number, number>[] = [];
  let furthest = new Map([[1, 0]]);
  for (let edits = 0; edits <= Math.min(editsMax, from.length + to.length); edits++) {
    const next = new Map<number, number>();
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = isDown(furthest, diagonal, edits) ? at(furthest, diagonal + 1) : at(furthest, diagonal - 1) + 1;
      while (x < from.length && x - diagonal < to.length && from[x] === to[x - diagonal]) x++;
      next.set(diagonal, x);
      if (x >= from.length && x - diagonal >= to.length) return walkBack(from, to, [...rounds, next]);
    }
    rounds.push(next);
    furthest = next;
  }
  return undefined;
}

/** Whether the way to a diagonal adds a line, and does not take one away. */
function isDown(furthest: ReadonlyMap<number, number>, diagonal: number, edits: number): boolean {
  return (
    diagonal === -edits || (diagonal !== edits && at(furthest, diagonal - 1) < at(furthest, diagonal + 1))
  );
}

function at(furthest: ReadonlyMap<number, number>, diagonal: number): number {
  return furthest.get(diagonal) ?? 0;
}

function walkBack(
  from: readonly string[],
  to: readonly string[],
  rounds: readonly ReadonlyMap<number, number>[],
): readonly DiffLine[] {
  const lines: DiffLine[] = [];
  let x = from.length;
  let y = to.length;
  const sameDownTo = (place: number) => {
    while (x > place && y > 0) {
      lines.push({ kind: "same", text: from[--x] ?? "" });
      y--;
    }
  };
  for (let edits = rounds.length - 1; edits > 0; edits--) {
    const before = rounds[edits - 1] ?? new Map<number, number>();
    const diagonal = x - y;
    const down = isDown(before, diagonal, edits);
    const place = down ? at(before, diagonal + 1) : at(before, diagonal - 1);
    sameDownTo(down ? place : place + 1);
    if (down) lines.push({ kind: "added", text: to[--y] ?? "" });
    else lines.push({ kind: "removed", text: from[--x] ?? "" });
  }
  sameDownTo(0);
  return lines.reverse();
}

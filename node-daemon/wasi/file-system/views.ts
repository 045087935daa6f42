/** Several pieces of memory as one. */

export function sizeOf(views: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const view of views) bytes += view.byteLength;
  return bytes;
}

/** The first `bytesMax` bytes. */
export function firstOf(views: readonly Uint8Array[], bytesMax: number): readonly Uint8Array[] {
  if (bytesMax <= 0) return [];
  for (const piece of piecesOf(views, bytesMax)) return piece;
  return [];
}

/** One after the other, at most `bytesMax` (at least 1) bytes each. */
export function* piecesOf(
  views: readonly Uint8Array[],
  bytesMax: number,
): Generator<readonly Uint8Array[], undefined> {
  let piece: Uint8Array[] = [];
  let room = bytesMax;
  for (const view of views) {
    let rest = view;
    while (rest.byteLength > 0) {
      const part = rest.subarray(0, room);
      piece.push(part);
      room -= part.byteLength;
      rest = rest.subarray(part.byteLength);
      if (room > 0) continue;
      yield piece;
      piece = [];
      room = bytesMax;
    }
  }
  if (piece.length > 0) yield piece;
}

/** Nobody has told it. */
export const unknown = "<unknown>";
/** There is nothing of the kind. */
export const none = "<none>";

/** As kubectl has it, and smaller than it ever has: an instance may live in a few kilobytes. */
export function memoryText(bytes: number): string {
  const mebibytes = bytes / 2 ** 20;
  return mebibytes < 1 ? `${Math.ceil(bytes / 1024)}Ki` : `${Math.ceil(mebibytes)}Mi`;
}

export function shareText(share: number): string {
  return `${Math.round(share * 100)}%`;
}

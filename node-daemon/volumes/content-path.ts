/** The reason why a file's path inside a volume is refused, or undefined. */
export function pathFault(path: string): string | undefined {
  if (path === "" || path.includes("\0")) return "is empty or contains NUL";
  if (path.startsWith("/")) return "must be relative";
  // `..data` and the folders beside it are ours.
  if (path.startsWith("..")) return 'must not start with ".."';
  const parts = path.split("/");
  if (parts.includes("..")) return 'must not contain ".."';
  if (parts.some((part) => part === "" || part === ".")) return 'must not contain empty parts or "."';
  return undefined;
}

/** Reasons are kept per node and instance, and templates and nodes may say much. */
const lengthMax = 200;

export function clipped(text: string): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}…`;
}

import type { Terminal } from "../terminal.ts";

/** Whether blocks and dots can be shown, as the C library finds it out. */
export function isUnicode(env: Terminal["env"]): boolean {
  return /utf-?8/i.test(env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "");
}

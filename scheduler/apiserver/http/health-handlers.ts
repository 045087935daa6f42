import type { Exchange } from "./exchange.ts";
import { unknownPath } from "../status.ts";

export interface HealthCheck {
  readonly name: string;
  /** undefined: it is well; otherwise why not. */
  readonly problem: () => string | undefined;
}

export interface HealthAnswer {
  readonly code: number;
  readonly text: string;
}

/** `/readyz?verbose`: each check in a line, when that is asked for or one has failed. As kube-apiserver's. */
export function healthOf(
  root: string,
  checks: readonly HealthCheck[],
  options: { readonly verbose: boolean; readonly excluded: readonly string[] },
): HealthAnswer {
  const excluded = new Set(options.excluded.filter((name) => name !== ""));
  let failed = false;
  const lines = checks.map(({ name, problem }) => {
    if (excluded.has(name)) return `[+]${name} excluded: ok`;
    if (problem() === undefined) return `[+]${name} ok`;
    failed = true;
    // Whoever asks has shown no credentials.
    return `[-]${name} failed: reason withheld`;
  });
  const unknown = [...excluded].filter((name) => !checks.some((check) => check.name === name)).sort();
  if (unknown.length > 0)
    lines.push(
      `warn: some health checks cannot be excluded: no matches for ${unknown.map((name) => JSON.stringify(name)).join(",")}`,
    );
  if (failed) return { code: 500, text: [...lines, `${root} check failed`, ""].join("\n") };
  return { code: 200, text: options.verbose ? [...lines, `${root} check passed`, ""].join("\n") : "ok" };
}

/** `/readyz/ping`: one check by itself. undefined: there is none of this name. */
export function singleHealthOf(checks: readonly HealthCheck[], name: string): HealthAnswer | undefined {
  const check = checks.find((one) => one.name === name);
  if (!check) return undefined;
  const problem = check.problem();
  if (problem === undefined) return { code: 200, text: "ok" };
  return { code: 500, text: `internal server error: ${problem}\n` };
}

export async function sendHealth(
  exchange: Exchange,
  [root = "", ...rest]: readonly string[],
  checks: readonly HealthCheck[],
): Promise<void> {
  const answer =
    rest.length === 0
      ? healthOf(root, checks, {
          verbose: exchange.query.has("verbose"),
          excluded: exchange.query.getAll("exclude"),
        })
      : singleHealthOf(checks, rest.join("/"));
  if (!answer) throw unknownPath();
  exchange.response.setHeader("X-Content-Type-Options", "nosniff");
  await exchange.sendText(answer.code, answer.text, "text/plain; charset=utf-8");
}

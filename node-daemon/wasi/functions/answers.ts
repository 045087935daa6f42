/**
 * Going on with what the files answered: at once, or after the guest was suspended for it. A killed guest gets EINTR, which
 * it never sees.
 */
import { assertNever } from "../../../kit/errors.ts";
import { errno } from "../abi.ts";
import type { Answer, Done, Transferred } from "../file-system/operations.ts";
import type { WasiHost } from "../host.ts";
import type { WasiContext } from "./context.ts";

type Result = number | Promise<number>;
type Outcome<T> =
  | { readonly kind: "answered"; readonly value: T }
  | { readonly kind: "failed"; readonly thrown: unknown }
  | { readonly kind: "killed" };

const killed = { kind: "killed" } as const;

/** `use` gets what is no errno, `discard` what comes after the guest was killed. */
export function answered<T extends object>(
  { host }: WasiContext,
  answer: Answer<T>,
  use: (value: T) => Result,
  discard?: (late: T) => void,
): Result {
  if (answer instanceof Promise) return afterwards(host, answer, use, discard);
  return typeof answer === "number" ? answer : use(answer);
}

async function afterwards<T extends object>(
  host: WasiHost,
  answer: Promise<T | number>,
  use: (value: T) => Result,
  discard?: (late: T) => void,
): Promise<number> {
  const value = await suspended(host, answer, errno.intr, (late) => {
    if (typeof late !== "number") discard?.(late);
  });
  return typeof value === "number" ? value : use(value);
}

/** As `answered`, for numbers that are an errno if they are negative. */
export function counted(
  { host }: WasiContext,
  answer: Transferred,
  use: (value: number) => Result,
  discard?: (late: number) => void,
): Result {
  if (answer instanceof Promise) return countedAfterwards(host, answer, use, discard);
  return answer < 0 ? -answer : use(answer);
}

async function countedAfterwards(
  host: WasiHost,
  answer: Promise<number>,
  use: (value: number) => Result,
  discard?: (late: number) => void,
): Promise<number> {
  const value = await suspended(host, answer, -errno.intr, (late) => {
    if (late >= 0) discard?.(late);
  });
  return value < 0 ? -value : use(value);
}

export function done({ host }: WasiContext, answer: Done): Result {
  return answer instanceof Promise ? suspended(host, answer, errno.intr) : answer;
}

async function suspended<T>(
  host: WasiHost,
  answer: Promise<T>,
  whenKilled: T,
  discard: (late: T) => void = () => {},
): Promise<T> {
  const outcome = await host.wait<Outcome<T>>((wake) => {
    answer.then(
      (value) => wake({ kind: "answered", value }),
      (thrown: unknown) => wake({ kind: "failed", thrown }),
    );
    return () => {};
  }, killed);
  switch (outcome.kind) {
    case "answered":
      return outcome.value;
    case "failed":
      throw outcome.thrown;
    case "killed":
      answer.then(discard, (thrown: unknown) => host.onBug?.(thrown));
      return whenKilled;
    default:
      return assertNever(outcome, "outcome");
  }
}

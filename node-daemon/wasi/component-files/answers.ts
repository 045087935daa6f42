/**
 * Going on with what the files answered: at once, or when they did, while the guest is suspended. Everything here answers
 * what the port does (`Answer`, `Done`, `Transferred`), and rejects with `GuestEnded` once the instance has ended.
 */
import { assertNever } from "../../../kit/errors.ts";
import { errno } from "../abi.ts";
import type { Answer, Done, Transferred } from "../file-system/operations.ts";
import { GuestEnded } from "../host.ts";
import type { OpenFiles } from "./open-files.ts";

type Outcome<T> =
  | { readonly kind: "answered"; readonly value: T }
  | { readonly kind: "failed"; readonly thrown: unknown }
  | { readonly kind: "ended" };

const ended = { kind: "ended" } as const;

/** `use` gets what is no errno; `discard` what comes too late. */
export function answered<T extends object, U>(
  files: OpenFiles,
  answer: Answer<T>,
  use: (value: T) => Answer<U>,
  discard?: (late: T) => void,
): Answer<U> {
  if (!(answer instanceof Promise)) return typeof answer === "number" ? answer : use(answer);
  const late = (value: T | number) => {
    if (typeof value !== "number") discard?.(value);
  };
  return awaited(files, answer, errno.nomem, late).then((value) =>
    typeof value === "number" ? value : use(value),
  );
}

export function counted<U>(
  files: OpenFiles,
  answer: Transferred,
  use: (value: number) => Answer<U>,
  discard?: (late: number) => void,
): Answer<U> {
  if (!(answer instanceof Promise)) return answer < 0 ? -answer : use(answer);
  const late = (value: number) => {
    if (value >= 0) discard?.(value);
  };
  return awaited(files, answer, -errno.nomem, late).then((value) => (value < 0 ? -value : use(value)));
}

export function done(files: OpenFiles, answer: Done): Done {
  return answer instanceof Promise ? awaited(files, answer, errno.nomem) : answer;
}

/** Waits for the answer as the host has guests wait; `refused` when too many calls of the instance do already. */
async function awaited<T>(
  files: OpenFiles,
  answer: Promise<T>,
  refused: T,
  discard: (late: T) => void = () => {},
): Promise<T> {
  const { host } = files;
  const leave = () => void answer.then(discard, (thrown: unknown) => host.onBug?.(thrown));
  if (!files.startWaiting()) {
    leave();
    return refused;
  }
  const outcome = await host.wait<Outcome<T>>((wake) => {
    answer.then(
      (value) => wake({ kind: "answered", value }),
      (thrown: unknown) => wake({ kind: "failed", thrown }),
    );
    return () => {};
  }, ended);
  files.stopWaiting();
  switch (outcome.kind) {
    case "answered":
      return outcome.value;
    case "failed":
      throw outcome.thrown;
    case "ended":
      leave();
      throw new GuestEnded();
    default:
      return assertNever(outcome, "outcome");
  }
}

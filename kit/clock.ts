/**
 * Time as a constructor argument. `core` folders never hold a clock: they take `now` as a number.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump; use only for timestamps that people or other machines read. */
  now(): number;
  /** Milliseconds from an arbitrary origin, never going back. Use for every duration and deadline. */
  monotonic(): number;
  /** Calls `fire` once after `delayMs`; disposing the timer before that cancels it. */
  setTimer(delayMs: number, fire: () => void): Timer;
}

export interface Timer extends Disposable {
  cancel(): void;
}

/** Node refuses delays above 2^31-1 ms by firing at once; ours wait as long as it can. */
const timerDelayMsMax = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, fire) {
    const handle = setTimeout(fire, Math.min(Math.max(0, delayMs), timerDelayMsMax));
    const cancel = () => clearTimeout(handle);
    return { cancel, [Symbol.dispose]: cancel };
  },
};

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

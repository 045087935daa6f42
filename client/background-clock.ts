import { type Clock, systemClock } from "../kit/clock.ts";

/** Timers that do not keep a process running which has nothing else to do. */
export const backgroundClock: Clock = {
  ...systemClock,
  setTimer(delayMs, fire) {
    const handle = setTimeout(fire, delayMs).unref();
    const cancel = () => clearTimeout(handle);
    return { cancel, [Symbol.dispose]: cancel };
  },
};

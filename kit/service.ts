import type { Log } from "./log.ts";

/**
 * Resolves when this process is asked to stop: by SIGTERM, SIGINT, or the end of the parent that holds its IPC channel.
 * A second signal ends the process at once.
 */
export function stopRequested(log: Log): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (why: string) => {
      if (asked) process.exit(1);
      asked = true;
      log.info("asked to stop", { why });
      resolve();
    };
    process.on("SIGTERM", () => stop("SIGTERM"));
    process.on("SIGINT", () => stop("SIGINT"));
    process.once("disconnect", () => {
      if (!asked) stop("the parent process is gone");
    });
  });
}

/** Resolves when the message is out. A parent that is gone is told nothing, and that is no error of ours. */
export async function tellParent(message: object): Promise<void> {
  if (!process.connected) return;
  await new Promise<void>((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
}

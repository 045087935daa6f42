/** How a run ended, as the status has it. */
import { assertNever } from "../../kit/errors.ts";
import { messageCharsMax } from "./limits.ts";
import type { RunEnd } from "./run.ts";

/** Why an instance was told to stop. It becomes the status' reason. All but the first are disruptions: not the guest's doing. */
export type StopCause = "Stopped" | "NodeShutdown" | "Disconnected" | "Evicted" | SchedulerCause;

/** Those that a scheduler names. */
export const schedulerCauses = ["Preempted", "TaintEviction", "Eviction"] as const;
type SchedulerCause = (typeof schedulerCauses)[number];

/** What whoever asked for a stop says of it. */
export interface StopReason {
  readonly cause: StopCause;
  readonly message: string;
}

export interface Termination {
  readonly reason: string;
  readonly message: string;
  readonly exitCode: number | undefined;
  readonly finishedMs: number;
}

export const disconnectedMessage =
  "stopped because its node had lost the scheduler for too long and its onDisconnect is stop";

const stopMessages: Readonly<Record<StopCause, string>> = {
  Stopped: "stopped because the scheduler asked for it",
  NodeShutdown: "stopped because the node daemon is shutting down",
  Disconnected: disconnectedMessage,
  Evicted: "evicted because the node was running short",
  Preempted: "stopped for an instance of a higher priority",
  TaintEviction: "stopped because its node has a taint that it does not tolerate",
  Eviction: "stopped because it was to leave its node, and the disruption budgets allowed it",
};

export function stopMessage(cause: StopCause): string {
  return stopMessages[cause];
}

/** `terminationMessage`: what the guest left as its termination message. It stands before what we have to say. */
export function terminationOf(runEnd: RunEnd, finishedMs: number, terminationMessage = ""): Termination {
  switch (runEnd.kind) {
    case "exited": {
      const { exitCode } = runEnd;
      if (exitCode === 0)
        return { reason: "Completed", message: clip(terminationMessage), exitCode, finishedMs };
      // The code has a field of its own, so what the guest left says the rest.
      const message = clip(terminationMessage || `the guest exited with code ${exitCode}`);
      return { reason: "Error", message, exitCode, finishedMs };
    }
    case "trapped":
    case "refused": {
      const message = behindMessage(terminationMessage, runEnd.message);
      return { reason: runEnd.reason, message, exitCode: undefined, finishedMs };
    }
    case "stopped": {
      const message = behindMessage(terminationMessage, stopMessages.Stopped);
      return { reason: "Stopped", message, exitCode: undefined, finishedMs };
    }
    case "lost": {
      const message = behindMessage(terminationMessage, runEnd.message);
      return { reason: "ShimLost", message, exitCode: undefined, finishedMs };
    }
    default:
      return assertNever(runEnd, "end of a run");
  }
}

export function behindMessage(terminationMessage: string, message: string): string {
  return clip(terminationMessage === "" ? message : `${terminationMessage}\n${message}`);
}

export function clip(message: string): string {
  return message.length <= messageCharsMax ? message : `${message.slice(0, messageCharsMax - 1)}…`;
}

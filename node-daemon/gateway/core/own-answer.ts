import { assertNever } from "../../../kit/errors.ts";
import type { RefusalReason } from "./retry.ts";

/** What the gateway answers by itself. `reason` goes into the header wherry-reason: a stable word, for people and programs. */
export interface OwnAnswer {
  readonly status: number;
  readonly reason: string;
  /** A sentence for whoever reads it; nothing in it is secret. */
  readonly text: string;
  readonly retryAfterSeconds?: number;
}

/** As in link/exchange.ts, which core does not import. */
export type Fault =
  | {
      readonly kind: "refused";
      readonly reason: RefusalReason;
      readonly retryAfterMs: number;
    }
  | {
      readonly kind: "failed";
      readonly reason:
        | "trapped"
        | "timeout"
        | "invalid"
        | "tooLarge"
        | "stopped"
        | "lost"
        | "protocol"
        | "exhausted";
    };

export function answerToFault(fault: Fault): OwnAnswer {
  if (fault.kind === "refused") {
    if (fault.reason === "unsupported") return upgradeUnsupported;
    const retryAfterSeconds = Math.max(1, Math.ceil(fault.retryAfterMs / 1_000));
    return fault.reason === "full"
      ? {
          status: 503,
          reason: "QueueFull",
          text: "As many requests wait as may wait; try again later.",
          retryAfterSeconds,
        }
      : {
          status: 503,
          reason: "NoInstance",
          text: "No instance can take the request at the moment.",
          retryAfterSeconds,
        };
  }
  const { reason } = fault;
  switch (reason) {
    case "trapped":
      return { status: 502, reason: "HandlerTrapped", text: "The handler has failed; its log says how." };
    case "timeout":
      return { status: 504, reason: "DeadlineExceeded", text: "The handler has not answered in time." };
    case "invalid":
      return {
        status: 502,
        reason: "InvalidAnswer",
        text: "The handler has answered with what is no HTTP; its log says more.",
      };
    case "tooLarge":
      return bodyTooLarge;
    case "stopped":
      return {
        status: 503,
        reason: "InstanceStopped",
        text: "The instance was stopped before it had answered.",
        retryAfterSeconds: 1,
      };
    case "lost":
    case "protocol":
      return { status: 502, reason: "InstanceLost", text: "The instance has gone before it had answered." };
    case "exhausted":
      return {
        status: 502,
        reason: "HandlerExhausted",
        text: "The handler has used up what one request may use.",
      };
    default:
      return assertNever(reason, "reason of a fault");
  }
}

export const bodyTooLarge: OwnAnswer = {
  status: 413,
  reason: "BodyTooLarge",
  text: "The body of the request is larger than its handler takes.",
};

export const deadlineExceeded: OwnAnswer = {
  status: 504,
  reason: "DeadlineExceeded",
  text: "The request could not be answered in time.",
};

export const noRoute: OwnAnswer = {
  status: 404,
  reason: "NoRoute",
  text: "No route matches the host and path of the request.",
};

export const noBackend: OwnAnswer = {
  status: 500,
  reason: "NoBackend",
  text: "The route has matched, but what it leads to does not exist.",
};

export const noInstance: OwnAnswer = {
  status: 503,
  reason: "NoInstance",
  text: "No instance can take the request at the moment.",
  retryAfterSeconds: 1,
};

export const tooManyWaiting: OwnAnswer = {
  status: 503,
  reason: "TooManyWaiting",
  text: "No instance can take the request at the moment, and too many wait for one already.",
  retryAfterSeconds: 1,
};

export const tooManyPipelined: OwnAnswer = {
  status: 503,
  reason: "TooManyPipelined",
  text: "Too many requests wait on this connection for those before them.",
  retryAfterSeconds: 1,
};

export const tooManyConnections: OwnAnswer = {
  status: 429,
  reason: "TooManyConnections",
  text: "There are too many connections from this address.",
  retryAfterSeconds: 1,
};

export const misdirected: OwnAnswer = {
  status: 421,
  reason: "MisdirectedRequest",
  text: "The request names another host than the TLS connection was made for.",
};

export const bodyTooSlow: OwnAnswer = {
  status: 408,
  reason: "BodyTooSlow",
  text: "The body of the request has not come in time.",
};

export const upgradeUnsupported: OwnAnswer = {
  status: 501,
  reason: "UpgradeUnsupported",
  text: "This upgrade is not supported: only WebSocket, by GET of HTTP/1.1 without a body, and for handlers of the kind listener.",
};

export function badRequest(text: string): OwnAnswer {
  return { status: 400, reason: "BadRequest", text };
}

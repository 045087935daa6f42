import type { NodeMessage__Output } from "../../proto/gen/wherry/v1/NodeMessage.ts";
import type { SchedulerMessage } from "../../proto/gen/wherry/v1/SchedulerMessage.ts";

/**
 * Why a session was not begun or not gone on with: no certificate of a node; the certificate of another one; a protocol that is not
 * spoken here; another daemon that has the name; a message that breaks the contract.
 */
export type SessionRefusal = "certificate" | "identity" | "protocol" | "duplicate" | "contract";

export type ReceivedKind = NonNullable<NodeMessage__Output["message"]>;
export type SentKind = keyof Omit<SchedulerMessage, "epoch" | "message">;

/** What went over the sessions of nodes, of all times. Plain numbers, read when somebody asks. */
export class SessionFigures {
  opened = 0;
  /** For silence. */
  closedForSilence = 0;
  receivedBytes = 0;
  sentBytes = 0;
  readonly refused: Record<SessionRefusal, number> = {
    certificate: 0,
    identity: 0,
    protocol: 0,
    duplicate: 0,
    contract: 0,
  };
  /** By kind; bounded by the contract, as what it has not is not decoded. */
  readonly received = new Map<ReceivedKind, number>();
  readonly sent = new Map<SentKind, number>();

  messageReceived({ message }: NodeMessage__Output): void {
    // A message of a newer daemon may have nothing in it that is known here.
    if (message !== undefined) this.received.set(message, (this.received.get(message) ?? 0) + 1);
  }

  messageSent(message: SchedulerMessage): void {
    for (const kind in message) {
      // Messages are made here, of the contract's kinds.
      this.sent.set(kind as SentKind, (this.sent.get(kind as SentKind) ?? 0) + 1);
    }
  }
}

import type { Reading, Unknown } from "../../core/autoscaling/reading.ts";

/** What became of asking once. */
export type Asked =
  /** It answered, with whatever. */
  | { readonly kind: "answered"; readonly reading: Reading }
  /** It did not; `reading` is `Unreachable`. `isDown`: it answers nobody, as nothing listens there, for example. */
  | { readonly kind: "unanswered"; readonly reading: Unknown; readonly isDown: boolean }
  /** It was not asked, as it may not be or as something is missing. That says nothing of the server. */
  | { readonly kind: "notAsked"; readonly reading: Unknown };

/** What is asked again and again, for all who want to know it. */
export interface Question {
  /** Questions with the same key are one. Holds no secrets. */
  readonly key: string;
  /** Whose answers say whether it is up: scheme, host and port. */
  readonly server: string;
  /** Whose it is, as far as turns go: the namespace of whoever asks it first. */
  readonly owner: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Rejects when `signal` aborts, and gives up what it holds by then. The board looks after the time. */
  ask(signal: AbortSignal): Promise<Asked>;
}

export function unknown(reason: Unknown["reason"], message: string): Unknown {
  return { kind: "unknown", reason, message };
}

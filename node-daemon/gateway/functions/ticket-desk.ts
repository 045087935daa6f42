/** Says what tickets are for, by the keys that the scheduler has told. */
import { createHash, createPublicKey } from "node:crypto";
import { type CalledWorkload, ticketAudience, ticketClaim, ticketType } from "../../../api/call-ticket.ts";
import type { Clock } from "../../../kit/clock.ts";
import { type JwtClaims, type JwtKey, verifyJwt } from "../../../kit/jwt.ts";
import { functionLimits } from "./limits.ts";

export interface Ticket {
  readonly workload: CalledWorkload;
  readonly expiresMs: number;
}

export type TicketOutcome =
  | { readonly kind: "good"; readonly ticket: Ticket }
  | { readonly kind: "refused"; readonly reason: string };

export class TicketDesk {
  readonly #clock: Clock;
  /** By their PEM texts. */
  readonly #keys = new Map<string, JwtKey>();
  /** Checking a signature costs as much as ten calls. By digest, so that no ticket is kept; the oldest go. */
  readonly #known = new Map<string, Ticket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  addKey(pem: string): void {
    const publicKey = createPublicKey(pem);
    const der = publicKey.export({ type: "spki", format: "der" });
    this.#keys.set(pem, { id: createHash("sha256").update(der).digest("base64url"), publicKey });
  }

  removeKey(pem: string): void {
    this.#keys.delete(pem);
    this.#known.clear();
  }

  check(token: string): TicketOutcome {
    const digest = createHash("sha256").update(token).digest("base64");
    let ticket = this.#known.get(digest);
    if (ticket === undefined) {
      const outcome = verifyJwt([...this.#keys.values()], token, ticketType);
      if (outcome.kind === "foreign") return refused("it is no ticket");
      if (outcome.kind === "forged") return refused(outcome.reason);
      ticket = readTicket(outcome.claims, this.#clock.now());
      if (ticket === undefined) return refused("it is no ticket for calls of functions, or not yet");
      this.#remember(digest, ticket);
    }
    return this.isGood(ticket) ? { kind: "good", ticket } : refused("the ticket has expired");
  }

  /** Clocks differ. */
  isGood({ expiresMs }: Ticket): boolean {
    return this.#clock.now() < expiresMs + functionLimits.leewayMs;
  }

  #remember(digest: string, ticket: Ticket): void {
    this.#known.set(digest, ticket);
    if (this.#known.size <= functionLimits.knownTicketsMax) return;
    const [oldest = ""] = this.#known.keys();
    this.#known.delete(oldest);
  }
}

function readTicket(claims: JwtClaims, nowMs: number): Ticket | undefined {
  const { aud, exp, nbf } = claims;
  const about = claims[ticketClaim];
  if (aud !== ticketAudience || typeof exp !== "number" || typeof nbf !== "number") return undefined;
  if (nowMs + functionLimits.leewayMs < nbf * 1_000) return undefined;
  if (typeof about !== "object" || about === null) return undefined;
  const { namespace, kind, name, uid } = about as Partial<Record<keyof CalledWorkload, unknown>>;
  const isWhole = [namespace, kind, name, uid].every((text) => typeof text === "string" && text !== "");
  if (!isWhole) return undefined;
  // Each of them is a text, as was just seen.
  const workload = { namespace, kind, name, uid } as CalledWorkload;
  return { workload, expiresMs: exp * 1_000 };
}

function refused(reason: string): TicketOutcome {
  return { kind: "refused", reason };
}

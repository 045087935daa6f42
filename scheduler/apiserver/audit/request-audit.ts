import type { ServerResponse } from "node:http";
import type { Clock } from "../../../kit/clock.ts";
import type { Random } from "../../../kit/random.ts";
import type { User } from "../authentication/user.ts";
import type { Decision } from "../authorization/authorizer.ts";
import type { Status } from "../status.ts";
import type { AuditCounters } from "./audit-log.ts";
import {
  auditEvent,
  type AuditEvent,
  auditIdOf,
  type AuditStage,
  isAudited,
  type OriginalRequest,
  originOf,
  type RequestAttributes,
  type RequestOrigin,
} from "./audit-event.ts";

/** Where audit events go: an AuditLog. */
export interface AuditSink {
  readonly counters: AuditCounters;
  write(event: AuditEvent): void;
}

export interface AuditContext {
  /** undefined: nothing is written down. */
  readonly sink: AuditSink | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * One request on its way through the server: whoever finds something out notes it here. What is known at its end is
 * written down: when its handler is done, so that a client that has gone away hides nothing; and of a long one, when its
 * response begins and when that is over.
 */
export class RequestAudit {
  readonly id: string;
  user: User | undefined;
  impersonatedUser: User | undefined;
  decision: Decision | undefined;
  /** What the request is about, where it is one object and it is there. */
  object: { readonly name: string; readonly uid: string } | undefined;
  /** What a failure is answered with. */
  failure: Status | undefined;
  attributes: RequestAttributes;
  readonly #annotations: Record<string, string> = {};
  readonly #context: AuditContext;
  readonly #origin: RequestOrigin;
  readonly #response: ServerResponse;
  readonly #receivedMs: number;
  #isLong = false;

  /** Tells the client the id of its request. */
  constructor(
    context: AuditContext,
    request: OriginalRequest & { readonly method?: string | undefined },
    response: ServerResponse,
  ) {
    this.#context = context;
    // Now: a connection that is closed does not know its peer any more.
    this.#origin = originOf(request);
    this.#response = response;
    this.#receivedMs = context.clock.now();
    const { method = "GET", url = "/", headers } = request;
    this.attributes = { kind: "path", verb: method.toLowerCase(), path: url.split("?", 1)[0] ?? "/" };
    this.id = auditIdOf(headers["audit-id"], () => context.random.uuid());
    response.setHeader("Audit-Id", this.id);
  }

  note(key: string, value: string): void {
    this.#annotations[key] = value;
  }

  /** The request stays open: it is also written down when its response begins. */
  expectLong(): void {
    if (!this.#context.sink || this.#isLong) return;
    this.#isLong = true;
    const response = this.#response;
    const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse; // Overloaded.
    // Node has no event for this, and calls it itself where nobody else does.
    response.writeHead = (...args: unknown[]) => {
      const result = writeHead(...args);
      this.#write("ResponseStarted");
      return result;
    };
  }

  /** The handler is done, well or not. Called once. */
  end(): void {
    const response = this.#response;
    if (!this.#isLong || response.closed) this.#write("ResponseComplete");
    else response.once("close", () => this.#write("ResponseComplete"));
  }

  #write(stage: AuditStage): void {
    const { sink, clock } = this.#context;
    if (!sink || !isAudited(this.attributes)) return;
    const record = {
      id: this.id,
      receivedMs: this.#receivedMs,
      origin: this.#origin,
      attributes: this.attributes,
      user: this.user,
      impersonatedUser: this.impersonatedUser,
      decision: this.decision,
      object: this.object,
      annotations: this.#annotations,
    };
    const { headersSent, statusCode } = this.#response;
    const code = headersSent ? statusCode : this.failure?.code;
    sink.write(auditEvent(record, stage, { code, failure: this.failure }, clock.now()));
  }
}

import type { IncomingMessage } from "node:http";
import type { TlsOptions } from "node:tls";
import type { User } from "../authentication/user.ts";
import type { Attributes, Decision } from "../authorization/authorizer.ts";
import type { Exchange } from "./exchange.ts";

export interface Identity {
  /** In whose name the request is made. */
  readonly user: User;
  /** Who makes it, when that is somebody else. */
  readonly impersonator: User | undefined;
}

export interface TlsFiles {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  readonly ca: string | Buffer;
}

/** The record of one request, while it is served. */
export interface RequestRecord {
  decided(decision: Decision): void;
}

/** The doors of the API: who asks, whether they may, and the record of it. */
export interface Access {
  /** What TLS must ask of clients. */
  tls(files: TlsFiles): TlsOptions;
  /** Throws Unauthorized, or Forbidden for an impersonation that is not allowed. */
  identify(request: IncomingMessage): Identity;
  /** Throws Forbidden. */
  authorize(attributes: Attributes): Decision;
  /** Begins the record; it is finished by itself when the answer is. */
  record(
    exchange: Exchange,
    identity: Identity,
    attributes: Attributes,
    isLongRunning: boolean,
  ): RequestRecord;
}

import type { IncomingMessage } from "node:http";
import type { Authenticator } from "./authentication/authenticator.ts";
import type { Attributes, Authorizer, Decision } from "./authorization/authorizer.ts";
import type { Access, Identity, RequestRecord, TlsFiles } from "./http/access.ts";
import { ApiError } from "./status.ts";

/** The doors of the API, from their parts. */
export class AccessControl implements Access {
  readonly #authenticator: Authenticator;
  readonly #authorizer: Authorizer;

  constructor(authenticator: Authenticator, authorizer: Authorizer) {
    this.#authenticator = authenticator;
    this.#authorizer = authorizer;
  }

  tls(files: TlsFiles) {
    return { key: files.key, cert: files.cert };
  }

  identify(request: IncomingMessage): Identity {
    const user = this.#authenticator.authenticate(request.headers.authorization);
    if (!user) throw new ApiError("Unauthorized", "Unauthorized");
    return { user, impersonator: undefined };
  }

  authorize(attributes: Attributes): Decision {
    const decision = this.#authorizer.authorize(attributes);
    if (!decision.allowed) throw new ApiError("Forbidden", "forbidden");
    return decision;
  }

  record(): RequestRecord {
    return { decided: () => {} };
  }
}

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { errorCode, errorMessage, WherryError } from "../../kit/errors.ts";
import type { ClusterAccess } from "./kubeconfig.ts";
import { clientLimits } from "./limits.ts";
import { warningTexts } from "./warnings.ts";
import { ApiStatusError, type Status } from "./status-error.ts";

export interface ApiRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  /** Entries without a value are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly accept?: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

/** The server could not be reached at all, or broke off. */
export class ConnectionError extends WherryError {
  constructor(message: string, cause: unknown) {
    super("Unreachable", message, { retryable: true, cause });
    this.name = "ConnectionError";
  }
}

/**
 * Speaks to one API server over connections that stay open between requests. `@kubernetes/client-node` takes more
 * than half a second to load, which a command line that people wait for does not have.
 */
export class ApiClient implements AsyncDisposable {
  readonly access: ClusterAccess;
  readonly #agent: HttpAgent;
  readonly #send: typeof httpRequest;
  readonly #onWarning: (text: string) => void;

  /** `onWarning` gets what the server wants people to know about an answer. */
  constructor(access: ClusterAccess, onWarning: (text: string) => void = () => {}) {
    this.access = access;
    this.#onWarning = onWarning;
    if (access.server.protocol === "https:") {
      this.#send = httpsRequest;
      this.#agent = new HttpsAgent({
        keepAlive: true,
        ca: access.certificateAuthority,
        cert: access.clientCertificate,
        key: access.clientKey,
        rejectUnauthorized: !access.insecure,
        ...(access.tlsServerName ? { servername: access.tlsServerName } : {}),
      });
    } else {
      this.#send = httpRequest;
      this.#agent = new HttpAgent({ keepAlive: true });
    }
  }

  /** One request, one JSON answer. Rejects with {@link ApiStatusError} or {@link ConnectionError}. */
  async request<T>(request: ApiRequest): Promise<T> {
    const timeout = AbortSignal.timeout(clientLimits.requestMs);
    const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout;
    const response = await this.open({ ...request, signal });
    const body = await readAll(response, Number.POSITIVE_INFINITY).catch((error: unknown) => {
      throw this.#connectionError(error, request.signal);
    });
    try {
      return JSON.parse(body) as T;
    } catch (error) {
      throw new ConnectionError(`${this.access.server.origin} answered ${request.path} without JSON`, error);
    }
  }

  /** The answer's body as it comes, for watches and logs. The caller reads it to its end or destroys it. */
  async open(request: ApiRequest): Promise<IncomingMessage> {
    let response: IncomingMessage;
    try {
      response = await this.#exchange(request);
    } catch (error) {
      throw this.#connectionError(error, request.signal);
    }
    for (const text of warningTexts(response.headers.warning)) this.#onWarning(text);
    const code = response.statusCode ?? 0;
    if (code >= 200 && code < 300) return response;
    const body = await readAll(response, clientLimits.errorBodyBytesMax).catch(() => "");
    throw new ApiStatusError(parseStatus(body, code), code);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
  }

  #exchange(request: ApiRequest): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const outgoing = this.#send(this.#url(request), {
      method: request.method ?? "GET",
      agent: this.#agent,
      signal: request.signal,
      headers: {
        accept: request.accept ?? "application/json",
        "user-agent": "wherry",
        ...(this.access.token ? { authorization: `Bearer ${this.access.token}` } : {}),
        ...(body
          ? { "content-type": request.contentType ?? "application/json", "content-length": body.length }
          : {}),
      },
    });
    outgoing.once("socket", (socket) => {
      if (!socket.connecting) return;
      const giveUp = () => outgoing.destroy(new Error("the connection was not accepted in time"));
      const timer = setTimeout(giveUp, clientLimits.connectMs);
      const done = () => clearTimeout(timer);
      socket.once("connect", done).once("close", done);
    });
    outgoing.once("response", resolve).once("error", reject);
    outgoing.end(body);
    return promise;
  }

  #url({ path, query = {} }: ApiRequest): URL {
    const url = new URL(this.access.server);
    url.pathname = url.pathname.replace(/\/$/, "") + path;
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    return url;
  }

  #connectionError(error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted && error instanceof Error && error.name === "AbortError") return error;
    const { host } = this.access.server;
    const code = errorCode(error);
    if (code === "ECONNREFUSED") {
      return new ConnectionError(
        `The connection to the server ${host} was refused - did you specify the right host or port?`,
        error,
      );
    }
    if (code !== undefined && (code.includes("CERT") || code.includes("SIGNATURE"))) {
      return new ConnectionError(
        `Unable to connect to the server ${host}: its certificate is not trusted (${errorMessage(error)})`,
        error,
      );
    }
    return new ConnectionError(`Unable to connect to the server ${host}: ${errorMessage(error)}`, error);
  }
}

async function readAll(response: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > bytesMax) break;
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseStatus(body: string, code: number): Status {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null && "kind" in parsed && parsed.kind === "Status") {
      return parsed as Status;
    }
  } catch {
    // Not JSON: a proxy's page, or plain text. It is the message.
  }
  const reason = { 401: "Unauthorized", 403: "Forbidden", 404: "NotFound" }[code];
  const message = body.trim() === "" ? `the server answered with HTTP ${code}` : body.trim().slice(0, 500);
  return { code, message, ...(reason ? { reason } : {}) };
}

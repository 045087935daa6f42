/** Requests to a gateway, as its clients make them. */
import { Agent, request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

export interface Asked {
  readonly host: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** A new connection if absent. */
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

/** `url`: of the gateway. Rejects when there is no whole answer. */
export function ask(url: string, asked: Asked): Promise<Answer> {
  const { host, path = "/", method = "GET", headers = {}, body, agent, signal } = asked;
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        hostname,
        port,
        path,
        method,
        headers: { host, ...headers },
        agent: agent ?? false,
        ...(signal && { signal }),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => (text += part));
        response.once("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
        response.once("error", reject);
      },
    );
    sent.once("error", reject);
    sent.end(body);
  });
}

/** What a load has met; whatever is no 200 is a failure. */
export interface LoadResult {
  readonly requests: number;
  readonly failures: readonly string[];
}

/**
 * Asks again and again, some clients with a connection that they keep and as many with a new one each time, until it is stopped. Nothing
 * is tried twice.
 */
export class Load {
  readonly #agent: Agent;
  readonly #failures: string[] = [];
  readonly #clients: readonly Promise<void>[];
  #requests = 0;
  #stopped = false;

  constructor(url: string, asked: Asked, clients = 4) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: clients });
    this.#clients = Array.from({ length: 2 * clients }, (_, index) =>
      this.#run(url, index % 2 === 0 ? { ...asked, agent: this.#agent } : asked),
    );
  }

  get requests(): number {
    return this.#requests;
  }

  async stop(): Promise<LoadResult> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
    return { requests: this.#requests, failures: this.#failures };
  }

  async #run(url: string, asked: Asked): Promise<void> {
    while (!this.#stopped) {
      try {
        const { status, body } = await ask(url, asked);
        this.#requests++;
        if (status !== 200) this.#failures.push(`${status} ${body}`);
      } catch (thrown) {
        this.#failures.push(String(thrown));
      }
      if (this.#failures.length >= 100) return;
    }
  }
}

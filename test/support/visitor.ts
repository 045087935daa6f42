/** A client of gateways, for what `fetch` does not do: any host at one address, and trailers both ways. */
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";

export interface Visit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Sent after the body, which has no length then. */
  readonly trailers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
  readonly text: string;
  readonly trailers: NodeJS.Dict<string>;
}

const answerMsMax = 60_000;

export class Visitor {
  readonly #port: number;

  /** Of a gateway at the loopback address. */
  constructor(port: number) {
    this.#port = port;
  }

  async ask(host: string, path: string, visit: Visit = {}): Promise<Answer> {
    const response = await this.#send(host, path, visit);
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece as Buffer); // It has no encoding.
    const body = Buffer.concat(pieces);
    const { statusCode: status = 0, headers, trailers } = response;
    return { status, headers, body, text: body.toString(), trailers };
  }

  /** The first piece of a body that may never end; then it leaves. */
  async glance(host: string, path: string): Promise<string> {
    const response = await this.#send(host, path, {});
    const [piece] = (await once(response, "data")) as [Buffer];
    response.destroy();
    return piece.toString();
  }

  async #send(host: string, path: string, visit: Visit): Promise<IncomingMessage> {
    const { method = "GET", headers = {}, body = "", trailers } = visit;
    const announced = trailers ? { trailer: Object.keys(trailers).join(", ") } : {};
    const outgoing = request({
      host: "127.0.0.1",
      port: this.#port,
      method,
      path,
      headers: { host, ...announced, ...headers },
      signal: AbortSignal.timeout(answerMsMax),
    });
    const answered = once(outgoing, "response");
    if (trailers) {
      // One that is ended at once would get a length, and could have no trailers.
      outgoing.write(body);
      outgoing.addTrailers(trailers);
      outgoing.end();
    } else {
      outgoing.end(body);
    }
    const [response] = (await answered) as [IncomingMessage];
    return response;
  }
}

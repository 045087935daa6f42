/** Test support: an instance that sends requests, and servers on loopback that answer them as a test says. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { afterEach } from "vitest";

import { FakeComponentHost } from "../component-test-support.ts";
import { bytes, type Http, httpOf, valueOf } from "../preview2/http-test-support.ts";
import type { IncomingResponse } from "../preview2/http-incoming.ts";
import type { IoError } from "../preview2/io.ts";
import type { FutureIncomingResponse } from "../preview2/http-response-future.ts";
import type { Network } from "../sockets/network.ts";
import { openTestNetwork } from "../sockets/test-support.ts";
import type { HttpErrorCode } from "./error-code.ts";

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

export async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  open.push(server);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

export const serving = (listener: RequestListener) => listening(createServer(listener));
/** What it says to whoever connects. */
export const saying = (say: (socket: Socket) => void) =>
  listening(
    createTcpServer((socket) => {
      socket.on("error", () => {});
      say(socket);
    }),
  );

/** An instance that may connect to anything on this machine. */
export function instance(
  network: Network = openTestNetwork({ allow: [{ host: "127.0.0.1", port: 0 }] }),
): Http & { readonly host: FakeComponentHost } {
  const host = new FakeComponentHost();
  host.network = network;
  open.push(host);
  return httpOf(host);
}

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly secure?: boolean;
  readonly options?: (http: Http) => InstanceType<Http["RequestOptions"]>;
}

export function send(http: Http, authority: string | number, asked: Asked = {}): FutureIncomingResponse {
  const { method = "GET", path = "/", headers = {}, body, secure = false, options } = asked;
  const fields = valueOf(
    http.Fields.fromList(Object.entries(headers).map(([name, value]) => [name, bytes(value)])),
  );
  const request = new http.OutgoingRequest(fields);
  request.setMethod({ tag: "other", val: method });
  request.setPathWithQuery(path);
  request.setScheme({ tag: secure ? "HTTPS" : "HTTP" });
  request.setAuthority(typeof authority === "number" ? `127.0.0.1:${authority}` : authority);
  const outgoing = body === undefined ? undefined : valueOf(request.body());
  const future = valueOf(http.send(request, options?.(http)));
  if (outgoing) {
    const stream = valueOf(outgoing.write());
    stream.checkWrite();
    stream.write(bytes(body ?? ""));
    stream[Symbol.dispose]();
    http.OutgoingBody.finish(outgoing, undefined);
  }
  return future;
}

export async function outcomeOf(future: FutureIncomingResponse): Promise<IncomingResponse | HttpErrorCode> {
  await future.subscribe().block();
  const outcome = future.get();
  if (!outcome) throw new Error("the future is ready and has nothing");
  return valueOf(outcome).val;
}

export async function responseOf(future: FutureIncomingResponse): Promise<IncomingResponse> {
  const outcome = await outcomeOf(future);
  if ("tag" in outcome)
    throw new Error(JSON.stringify(outcome, (_, value) => (typeof value === "bigint" ? `${value}` : value)));
  return outcome;
}

/** Until its end, or why it broke. */
export async function bodyOf(
  http: Http,
  response: IncomingResponse,
): Promise<string | HttpErrorCode | undefined> {
  const body = valueOf(response.consume());
  const stream = valueOf(body.stream());
  let text = "";
  for (;;) {
    const read = await stream.blockingRead(1000n);
    if (read.tag === "ok") text += Buffer.from(read.val).toString();
    else if (read.val.tag === "closed") return text;
    else return http.httpErrorCode((read.val as { readonly val: IoError }).val);
  }
}

export async function textOf(message: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of message) text += String(chunk);
  return text;
}

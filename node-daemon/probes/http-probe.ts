/**
 * Asks an instance's own listener, as a kubelet would. What answers is the guest: nothing of it is followed elsewhere, and
 * no more of it is read than bounds allow.
 */
import { request, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { errorCode, errorMessage } from "../../kit/errors.ts";
import type { ProbeTarget } from "../core/probe-config.ts";
import type { ProbeAnswer } from "../core/probing.ts";
import { probeLimits } from "./limits.ts";

type HttpTarget = Extract<ProbeTarget, { kind: "httpGet" }>;
type TcpTarget = Extract<ProbeTarget, { kind: "tcpSocket" }>;

/** Never rejects. `signal` is the timeout, or that nobody wants the answer any more. */
export async function askHttp(target: HttpTarget, signal: AbortSignal): Promise<ProbeAnswer> {
  try {
    let url = urlOf(target, target.path);
    for (let redirects = 0; redirects <= probeLimits.redirectsMax; redirects++) {
      const { status, location } = await get(url, target.headers, signal);
      const next = isRedirect(status) ? locationOf(location, url) : undefined;
      // Another port of this machine belongs to somebody else, so a guest must not send the daemon there.
      if (!next || next.origin !== url.origin) return judge(status);
      url = next;
    }
    return { kind: "failure", message: `redirected more than ${probeLimits.redirectsMax} times` };
  } catch (thrown) {
    return { kind: "failure", message: `GET ${target.path}: ${why(thrown, signal)}` };
  }
}

/** Never rejects. */
export async function askTcp({ address, port }: TcpTarget, signal: AbortSignal): Promise<ProbeAnswer> {
  try {
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ host: address, port, signal, autoSelectFamily: false });
      socket.once("connect", () => {
        socket.destroy();
        resolve();
      });
      socket.on("error", reject);
    });
    return { kind: "success" };
  } catch (thrown) {
    return { kind: "failure", message: `connect to ${address} port ${port}: ${why(thrown, signal)}` };
  }
}

function urlOf({ address, port }: HttpTarget, path: string): URL {
  const host = address.includes(":") ? `[${address}]` : address;
  const base = `http://${host}:${port}`;
  // Joined as text: a path of two slashes would otherwise name a host.
  return new URL(`${base}${path}`);
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

function locationOf(location: string | undefined, from: URL): URL | undefined {
  return location === undefined ? undefined : (URL.parse(location, from) ?? undefined);
}

/**
 * The answer itself is told to nobody: should anybody else listen at that port of this machine, what they say is not the
 * template's owner's to read.
 */
function judge(status: number): ProbeAnswer {
  const well = status >= 200 && status < 400;
  return well ? { kind: "success" } : { kind: "failure", message: `HTTP ${status}` };
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
}

function get(url: URL, headers: HttpTarget["headers"], signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, signal, headers: headersOf(headers) });
    asked.on("error", reject);
    // Node would keep the connection for whoever asked for the other protocol, and tell nothing else.
    asked.once("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new Error("the answer was another protocol"));
    });
    asked.once("close", () => reject(new Error("the connection was closed")));
    asked.once("response", (response) => {
      readBody(response)
        .then(
          () => resolve({ status: response.statusCode ?? 0, location: response.headers.location }),
          reject,
        )
        .finally(() => asked.destroy());
    });
    asked.end();
  });
}

function headersOf(given: HttpTarget["headers"]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    "user-agent": "wherry-probe",
    accept: "*/*",
    connection: "close",
  };
  const seen = new Set<string>();
  for (const [name, value] of given) {
    const key = name.toLowerCase();
    const before = headers[key];
    headers[key] = seen.has(key) && before !== undefined ? [before, value].flat() : value;
    seen.add(key);
  }
  return headers;
}

/** To its end, as a client would, or as much as is enough: an answer that never ends is none. */
async function readBody(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes >= probeLimits.bodyBytesMax) return;
  }
}

function why(thrown: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "no answer in time";
  const code = errorCode(thrown);
  return code === "ECONNREFUSED" ? "nobody listens there" : (code ?? errorMessage(thrown));
}

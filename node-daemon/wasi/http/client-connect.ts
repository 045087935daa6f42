/** A connection to where a request goes, by the allow list of the instance. Names are resolved by its own network. */
import { isIP } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { errorCode } from "../../../kit/errors.ts";
import { limits } from "../limits.ts";
import type { Pay } from "../file-system/payer.ts";
import type { Network, SocketAddress, SocketError } from "../sockets/network.ts";
import { ConnectionStream } from "./connection-stream.ts";
import { connectFailure } from "./connect-failure.ts";
import type { HttpErrorCode } from "./error-code.ts";
import type { OpenConnection } from "./http-connection.ts";
import type { TlsMemory } from "./tls-memory.ts";

export type Connected =
  | { readonly kind: "connected"; readonly connection: OpenConnection }
  | { readonly kind: "failed"; readonly code: HttpErrorCode };

export interface Target {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

/** Of `host[:port]`; names of users are nobody's business. */
export function targetOf(authority: string, secure: boolean): Target {
  const plain = authority.slice(authority.lastIndexOf("@") + 1);
  const [, host = "", port] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(plain) ?? [];
  return {
    host: host.startsWith("[") ? host.slice(1, -1) : host,
    port: port ? Number(port) : secure ? 443 : 80,
    secure,
  };
}

/** Requests with the same one may go over the same connection. */
export function targetKey({ host, port, secure }: Target): string {
  return `${secure ? "https" : "http"}://${host}:${port}`;
}

/** Rejects with the signal's reason. */
export async function connectTo(
  network: Network,
  tls: TlsMemory,
  target: Target,
  pay: Pay,
  signal: AbortSignal,
): Promise<Connected> {
  const resolved = await network.resolve(target.host, signal);
  if (resolved.kind === "refused") return failed(resolved.error);
  let error: SocketError = "remote-unreachable";
  for (const address of resolved.value.slice(0, limits.httpAddressesTriedMax)) {
    const remote: SocketAddress = { ...address, port: target.port };
    const outcome = await network.connect(remote, { local: undefined, signal });
    if (outcome.kind === "ok") {
      const tcp = outcome.value;
      const stream = new ConnectionStream(tcp);
      // Told to whoever speaks over it.
      stream.on("error", () => {});
      if (!target.secure) return { kind: "connected", connection: { tcp, stream } };
      pay(limits.tlsHandshakeMs);
      return secured(tls, { tcp, stream }, target, signal);
    }
    error = outcome.error;
  }
  return failed(error);
}

function failed(error: SocketError): Connected {
  return { kind: "failed", code: connectFailure(error) };
}

function secured(
  tls: TlsMemory,
  { tcp, stream }: OpenConnection,
  { host, port }: Target,
  signal: AbortSignal,
): Promise<Connected> {
  const key = `${host}:${port}`;
  const session = tls.sessionOf(key);
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connectTls({
      socket: stream,
      ALPNProtocols: ["http/1.1"],
      secureContext: tls.secureContext,
      ...(session ? { session } : {}),
      host,
      // RFC 6066: an address is no server name.
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const abort = () => socket.destroy();
    signal.addEventListener("abort", abort, { once: true });
    const over = (outcome: Connected) => {
      signal.removeEventListener("abort", abort);
      resolve(outcome);
    };
    socket.on("session", (fresh) => tls.remember(key, fresh));
    socket.once("secureConnect", () => over({ kind: "connected", connection: { tcp, stream: socket } }));
    socket.on("error", (error) => {
      stream.destroy();
      over({ kind: "failed", code: tlsFailure(error) });
    });
    socket.once("close", () => {
      stream.destroy();
      if (signal.aborted) reject(signal.reason as Error);
      else over({ kind: "failed", code: { tag: "connection-terminated" } });
    });
  });
}

function tlsFailure(error: Error): HttpErrorCode {
  const code = errorCode(error) ?? "";
  if (code === "ECONNRESET") return { tag: "connection-terminated" };
  // OpenSSL's and Node's words for what is wrong with a certificate.
  if (/CERT|^ERR_TLS_CERT|SELF_SIGNED|UNABLE_TO|ISSUER/.test(code)) return { tag: "TLS-certificate-error" };
  const alert = /ALERT_(\w+)$/.exec(code);
  if (alert) return { tag: "TLS-alert-received", val: { alertId: undefined, alertMessage: alert[1] } };
  return { tag: "TLS-protocol-error" };
}

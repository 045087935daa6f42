/** `wasi:sockets` of WASI 0.3, on the network of an instance. */
import type { OfferedInterface } from "../component-interfaces.ts";
import { err, ok, type Result } from "../component-values.ts";
import type { ComponentHost } from "../host.ts";
import type { Family } from "../sockets/addresses.ts";
import { witAddress, type WitIpAddress } from "../sockets/wit-addresses.ts";
import { pending } from "./pending.ts";
import { type ErrorCode, type LookupErrorCode, lookupErrorCodeOf } from "./socket-errors.ts";
import { TcpSocket } from "./tcp-socket.ts";
import { UdpSocket } from "./udp-socket.ts";

const settings = ["receive-buffer-size", "send-buffer-size"];
const tcpSettings = [
  "keep-alive-enabled",
  "keep-alive-idle-time",
  "keep-alive-interval",
  "keep-alive-count",
  "hop-limit",
];

const tcpMethods = [
  "bind",
  "connect",
  "listen",
  "send",
  "receive",
  "get-local-address",
  "get-remote-address",
  "get-is-listening",
  "get-address-family",
  "set-listen-backlog-size",
  ...[...tcpSettings, ...settings].flatMap((name) => [`get-${name}`, `set-${name}`]),
];

const udpMethods = [
  "bind",
  "connect",
  "disconnect",
  "send",
  "receive",
  "get-local-address",
  "get-remote-address",
  "get-address-family",
  ...["unicast-hop-limit", ...settings].flatMap((name) => [`get-${name}`, `set-${name}`]),
];

const asyncMethods = ["[method]tcp-socket.connect", "[method]udp-socket.send", "[method]udp-socket.receive"];

/**
 * The classes of one instance: `create` is a static function without a handle that would tell whose socket it is. It takes
 * nothing of the host yet, so it is never refused.
 */
function classesOf(host: ComponentHost) {
  return {
    TcpSocket: class extends TcpSocket {
      static create(family: Family): Result<TcpSocket, ErrorCode> {
        return ok(new this(host, family));
      }
    },
    UdpSocket: class extends UdpSocket {
      static create(family: Family): Result<UdpSocket, ErrorCode> {
        return ok(new this(host, family));
      }
    },
  };
}

async function resolveAddresses(
  host: ComponentHost,
  name: string,
): Promise<Result<readonly WitIpAddress[], LookupErrorCode>> {
  const outcome = await pending(host, (signal) => host.network.resolve(name, signal));
  if (outcome.kind === "refused") return err(lookupErrorCodeOf(outcome.error));
  return ok(outcome.value.map(({ address }) => witAddress(address)));
}

export const socketsInterfaces: readonly OfferedInterface[] = [
  {
    name: "wasi:sockets/types@0.3",
    functions: [
      "[static]tcp-socket.create",
      ...tcpMethods.map((name) => `[method]tcp-socket.${name}`),
      "[static]udp-socket.create",
      ...udpMethods.map((name) => `[method]udp-socket.${name}`),
    ],
    suspending: asyncMethods,
    async: asyncMethods,
    make: (host) => classesOf(host),
  },
  {
    name: "wasi:sockets/ip-name-lookup@0.3",
    functions: ["resolve-addresses"],
    suspending: ["resolve-addresses"],
    async: ["resolve-addresses"],
    make: (host) => ({ resolveAddresses: (name: string) => resolveAddresses(host, name) }),
  },
];

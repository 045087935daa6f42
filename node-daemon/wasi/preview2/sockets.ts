/** `wasi:sockets` of WASI 0.2, on the network of an instance. */
import type { OfferedInterface } from "../component-interfaces.ts";
import { HostResource } from "../component-resources.ts";
import { ok } from "../component-values.ts";
import type { Family } from "../sockets/addresses.ts";
import { socketErrorOf } from "../sockets/socket-errors.ts";
import { ResolveAddressStream } from "./name-lookup.ts";
import type { IoError } from "./stream-error.ts";
import { TcpSocket } from "./tcp-socket.ts";
import { IncomingDatagramStream, OutgoingDatagramStream, UdpSocket } from "./udp-socket.ts";

/** There is one network for an instance: the handle says nothing. */
class Network extends HostResource {}

const tcpMethods = [
  "start-bind",
  "finish-bind",
  "start-connect",
  "finish-connect",
  "start-listen",
  "finish-listen",
  "accept",
  "local-address",
  "remote-address",
  "is-listening",
  "address-family",
  "set-listen-backlog-size",
  "keep-alive-enabled",
  "set-keep-alive-enabled",
  "keep-alive-idle-time",
  "set-keep-alive-idle-time",
  "keep-alive-interval",
  "set-keep-alive-interval",
  "keep-alive-count",
  "set-keep-alive-count",
  "hop-limit",
  "set-hop-limit",
  "receive-buffer-size",
  "set-receive-buffer-size",
  "send-buffer-size",
  "set-send-buffer-size",
  "subscribe",
  "shutdown",
];

const udpMethods = [
  "start-bind",
  "finish-bind",
  "stream",
  "local-address",
  "remote-address",
  "address-family",
  "unicast-hop-limit",
  "set-unicast-hop-limit",
  "receive-buffer-size",
  "set-receive-buffer-size",
  "send-buffer-size",
  "set-send-buffer-size",
  "subscribe",
];

/** Nothing here suspends: who waits, waits for a pollable. */
export const socketsInterfaces: readonly OfferedInterface[] = [
  {
    name: "wasi:sockets/network@0.2",
    functions: ["network-error-code"],
    suspending: [],
    make: () => ({ Network, networkErrorCode: ({ failure }: IoError) => socketErrorOf(failure.errno) }),
  },
  {
    name: "wasi:sockets/instance-network@0.2",
    functions: ["instance-network"],
    suspending: [],
    make: (host) => ({ instanceNetwork: () => new Network(host) }),
  },
  {
    name: "wasi:sockets/ip-name-lookup@0.2",
    functions: [
      "resolve-addresses",
      "[method]resolve-address-stream.resolve-next-address",
      "[method]resolve-address-stream.subscribe",
    ],
    suspending: [],
    make: (host) => ({
      ResolveAddressStream,
      resolveAddresses: (_network: Network, name: string) => ok(new ResolveAddressStream(host, name)),
    }),
  },
  {
    name: "wasi:sockets/tcp@0.2",
    functions: tcpMethods.map((name) => `[method]tcp-socket.${name}`),
    suspending: [],
    make: () => ({ TcpSocket }),
  },
  {
    name: "wasi:sockets/tcp-create-socket@0.2",
    functions: ["create-tcp-socket"],
    suspending: [],
    make: (host) => ({ createTcpSocket: (family: Family) => TcpSocket.create(host, family) }),
  },
  {
    name: "wasi:sockets/udp@0.2",
    functions: [
      ...udpMethods.map((name) => `[method]udp-socket.${name}`),
      "[method]incoming-datagram-stream.receive",
      "[method]incoming-datagram-stream.subscribe",
      "[method]outgoing-datagram-stream.check-send",
      "[method]outgoing-datagram-stream.send",
      "[method]outgoing-datagram-stream.subscribe",
    ],
    suspending: [],
    make: () => ({ UdpSocket, IncomingDatagramStream, OutgoingDatagramStream }),
  },
  {
    name: "wasi:sockets/udp-create-socket@0.2",
    functions: ["create-udp-socket"],
    suspending: [],
    make: (host) => ({ createUdpSocket: (family: Family) => UdpSocket.create(host, family) }),
  },
];

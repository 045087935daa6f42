/** Rows of the errno matrix: sockets and polls. */
import { expect } from "vitest";

import { clockId, eventType, fdFlag } from "./abi.ts";
import {
  buffer,
  file,
  none,
  nowhere,
  out,
  powerless,
  type Row,
  type Setup,
  vectors,
  withVectors,
} from "./errno-fixture.ts";
import { noNetwork, type TcpConnection, type TcpListener } from "./sockets/network.ts";
import type { Guest } from "./test-support.ts";

/** Nothing is there, and nothing fits, ever. */
class FakeConnection implements TcpConnection {
  readonly local = { family: "ipv4", address: "127.0.0.1", port: 80 } as const;
  readonly remote = { family: "ipv4", address: "127.0.0.1", port: 4000 } as const;
  readonly options = new FakeOptions();
  readonly buffered = 0;
  broken: TcpConnection["broken"];
  read = () => "wait" as const;
  peek = () => "wait" as const;
  write = () => 0;
  onReadable = () => () => {};
  onWritable = () => () => {};
  flushed = () => Promise.resolve();
  spare = () => () => {};
  shutdown(): void {}
  close(): void {}
}

class FakeOptions {
  noDelay = false;
  keepAlive = false;
  keepAliveIdleMs = 1000;
  keepAliveIntervalMs = 1000;
  keepAliveCount = 1;
}

const listener = 4;
const socket = 5;
const powerlessSocket = 6;

/** A listener with two connections, that are accepted: one has no rights. The next is for the test. */
function withSockets(
  arrange: (guest: Guest, connections: readonly FakeConnection[]) => void = () => {},
): Setup {
  const connections = Array.from({ length: 3 }, () => new FakeConnection());
  const waiting = [...connections];
  const tcpListener: TcpListener = {
    local: { family: "ipv4", address: "127.0.0.1", port: 80 },
    accept: () => waiting.shift() ?? "wait",
    onAcceptable: () => () => {},
    close() {},
  };
  return {
    host: ({ host }) => {
      host.network = { ...noNetwork, listeners: [{ name: "http", listener: tcpListener }] };
    },
    arrange: (guest, mounted) => {
      withVectors.arrange?.(guest, mounted);
      for (const fd of [socket, powerlessSocket]) {
        expect([guest.call("sock_accept", listener, 0, out), guest.u32(out)]).toEqual([0, fd]);
      }
      guest.call("fd_fdstat_set_rights", powerlessSocket, 0n, 0n);
      arrange(guest, connections);
    },
  };
}

const nonblocking = (fd: number): Setup =>
  withSockets((guest) => expect(guest.call("fd_fdstat_set_flags", fd, fdFlag.nonblock)).toBe(0));

const socketRows: readonly Row[] = [
  ["fd_read", "notconn", [listener, vectors, 1, out], withSockets()],
  ["fd_sync", "inval", [socket], withSockets()],
  ["fd_datasync", "inval", [socket], withSockets()],
  ["sock_accept", "badf", [none, 0, out]],
  ["sock_accept", "notsock", [file, 0, out]],
  ["sock_accept", "inval", [socket, 0, out], withSockets()],
  ["sock_accept", "inval", [listener, fdFlag.append, out], withSockets()],
  [
    "sock_accept",
    "notcapable",
    [listener, 0, out],
    withSockets((guest) => expect(guest.call("fd_fdstat_set_rights", listener, 0n, 0n)).toBe(0)),
  ],
  ["sock_accept", "fault", [listener, 0, nowhere + 1], withSockets()],
  [
    "sock_accept",
    "again",
    [listener, 0, out],
    withSockets((guest) => {
      guest.call("sock_accept", listener, 0, out);
      guest.call("fd_fdstat_set_flags", listener, fdFlag.nonblock);
    }),
  ],
  ["sock_accept", "mfile", [listener, 0, out], { ...withSockets(), openFilesMax: 7 }],
  ["sock_recv", "badf", [none, vectors, 1, 0, out, out + 4]],
  ["sock_recv", "notsock", [file, vectors, 1, 0, out, out + 4]],
  ["sock_recv", "notconn", [listener, vectors, 1, 0, out, out + 4], withSockets()],
  ["sock_recv", "notcapable", [powerlessSocket, vectors, 1, 0, out, out + 4], withSockets()],
  ["sock_recv", "inval", [socket, vectors, 1, 4, out, out + 4], withSockets()],
  ["sock_recv", "fault", [socket, vectors, 2, 0, out, out + 4], withSockets()],
  ["sock_recv", "again", [socket, vectors, 1, 0, out, out + 4], nonblocking(socket)],
  ["sock_send", "badf", [none, vectors, 1, 0, out]],
  ["sock_send", "notsock", [file, vectors, 1, 0, out]],
  ["sock_send", "notconn", [listener, vectors, 1, 0, out], withSockets()],
  ["sock_send", "notcapable", [powerlessSocket, vectors, 1, 0, out], withSockets()],
  ["sock_send", "inval", [socket, vectors, 1, 1, out], withSockets()],
  ["sock_send", "fault", [socket, vectors, 2, 0, out], withSockets()],
  ["sock_send", "again", [socket, vectors, 1, 0, out], nonblocking(socket)],
  ["sock_shutdown", "badf", [none, 1]],
  ["sock_shutdown", "notsock", [file, 1]],
  ["sock_shutdown", "notconn", [listener, 1], withSockets()],
  [
    "sock_shutdown",
    "notconn",
    [socket, 1],
    withSockets((_guest, [first]) => {
      if (first) first.broken = "connection-reset";
    }),
  ],
  ["sock_shutdown", "notcapable", [powerlessSocket, 1], withSockets()],
  ["sock_shutdown", "inval", [socket, 0], withSockets()],
];

/** One subscription to a stream. */
const subscription = 2048;
function subscribe(type: number, fd: number): Setup {
  return {
    arrange: (guest) => {
      guest.bytes(subscription, 48).fill(0);
      guest.view.setUint8(subscription + 8, type);
      guest.view.setUint32(subscription + 16, fd, true);
    },
  };
}

const pollRows: readonly Row[] = [
  ["poll_oneoff", "inval", [subscription, buffer, 0, out]],
  ["poll_oneoff", "fault", [nowhere, buffer, 1, out]],
];

/** What an event tells, of a call that answered 0. */
export const eventRows: readonly Row[] = [
  ["poll_oneoff", "badf", [subscription, buffer, 1, out], subscribe(eventType.fdRead, none)],
  ["poll_oneoff", "notcapable", [subscription, buffer, 1, out], subscribe(eventType.fdRead, powerless)],
  ["poll_oneoff", "notsup", [subscription, buffer, 1, out], subscribe(eventType.clock, clockId.processCpu)],
  ["poll_oneoff", "inval", [subscription, buffer, 1, out], subscribe(eventType.clock, 9)],
];

export const waitingRows: readonly Row[] = [...socketRows, ...pollRows];

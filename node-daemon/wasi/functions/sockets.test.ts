import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";

import { systemClock } from "../../../kit/clock.ts";
import {
  errno,
  eventFlagHangup,
  eventType,
  fdFlag,
  fileType,
  listenerRights,
  receiveFlag,
  right,
  shutdownFlag,
  size,
  socketRights,
} from "../abi.ts";
import { openNetwork } from "../sockets/host-network.ts";
import type { Network } from "../sockets/network.ts";
import { dial } from "../sockets/test-support.ts";
import { type FakeHost, Guest, Sandbox } from "../test-support.ts";

/** A guest with one mount (3), two listeners (4 and 5), and clients outside. */
class ListeningGuest implements Disposable {
  readonly sandbox = new Sandbox();
  readonly network: Network;
  readonly guest: Guest;
  readonly #clients: Socket[] = [];

  constructor(options: { readonly openFilesMax?: number; readonly socketsMax?: number } = {}) {
    const listeners = ["one", "two"].map((name) => ({ name, address: "127.0.0.1", port: 0 }));
    const { socketsMax = 16, openFilesMax = 64 } = options;
    const parts = { clock: systemClock, hostDescriptorsMax: 100_000, socketsMax };
    this.network = openNetwork({ allow: [], listeners }, true, parts);
    const { host } = this.sandbox;
    host.network = this.network;
    host.limits = { openFilesMax, hostDescriptorsMax: 100_000 };
    host.preopens = [
      { guestPath: "/", directory: this.sandbox.capability(this.sandbox.root), readOnly: true },
    ];
    this.guest = new Guest(host);
  }

  get host(): FakeHost {
    return this.sandbox.host;
  }

  async dial(): Promise<Socket> {
    const [listener] = this.network.listeners;
    if (!listener) throw new Error("no listener");
    const client = await dial(listener.listener.local);
    this.#clients.push(client);
    return client;
  }

  /** A client, and the guest's descriptor of its connection. */
  async connected(): Promise<readonly [client: Socket, fd: number]> {
    const client = await this.dial();
    expect(await this.guest.invoke("sock_accept", 4, 0, this.guest.out)).toBe(0);
    return [client, this.guest.u32()];
  }

  recv(fd: number, flags = 0, length = 100): unknown {
    const { guest } = this;
    return guest.invoke(
      "sock_recv",
      fd,
      guest.vectors([guest.buffer, length]),
      1,
      flags,
      guest.out,
      guest.out + 4,
    );
  }

  /** What `recv` has put into memory, and the flags it answered. */
  get received(): readonly [text: string, flags: number] {
    const { guest } = this;
    return [guest.bytes(guest.buffer, guest.u32()).toString(), guest.view.getUint16(guest.out + 4, true)];
  }

  send(fd: number, content: string | Uint8Array, flags = 0): unknown {
    const { guest } = this;
    return guest.invoke("sock_send", fd, guest.vectors(guest.put(content)), 1, flags, guest.out);
  }

  nonblock(fd: number): void {
    expect(this.guest.call("fd_fdstat_set_flags", fd, fdFlag.nonblock)).toBe(0);
  }

  [Symbol.dispose](): void {
    this.guest[Symbol.dispose]();
    this.network.close();
    for (const client of this.#clients) client.destroy();
    this.sandbox[Symbol.dispose]();
  }
}

async function heard(client: Socket, length: number): Promise<string> {
  let text = "";
  for await (const chunk of client.iterator({ destroyOnReturn: false })) {
    text += (chunk as Buffer).toString();
    if (text.length >= length) break;
  }
  return text;
}

describe("listeners: descriptors behind the mounts", () => {
  test("the scan for preopened directories ends there", () => {
    using it = new ListeningGuest();
    const { guest } = it;
    expect([3, 4, 5, 6].map((fd) => guest.call("fd_prestat_get", fd, guest.out))).toEqual([
      0,
      errno.badf,
      errno.badf,
      errno.badf,
    ]);
  });

  test("fd_fdstat_get: a stream socket with the rights to accept and poll", () => {
    using it = new ListeningGuest();
    const { guest } = it;
    expect(guest.call("fd_fdstat_get", 4, guest.out)).toBe(0);
    const { out, view } = guest;
    expect([view.getUint8(out), view.getUint16(out + 2, true)]).toEqual([fileType.socketStream, 0]);
    expect([guest.u64(out + 8), guest.u64(out + 16)]).toEqual([BigInt(listenerRights), BigInt(socketRights)]);
    expect(guest.call("fd_filestat_get", 4, out)).toBe(0);
    expect(view.getUint8(out + 16)).toBe(fileType.socketStream);
  });

  test("fd_close closes it, fd_renumber moves it", async () => {
    using it = new ListeningGuest();
    expect(it.guest.call("fd_close", 5)).toBe(0);
    expect(it.network.listeners[1]?.listener.accept()).toMatchObject({ error: "invalid-state" });
    expect(it.guest.call("fd_renumber", 4, 0)).toBe(0);
    await it.dial();
    expect(await it.guest.invoke("sock_accept", 0, 0, it.guest.out)).toBe(0);
    expect(it.guest.u32()).toBe(4);
  });
});

describe("errno", () => {
  type Call = readonly [name: string, ...args: number[]];
  const pointer = 1024;
  const rows: readonly (readonly [name: string, call: Call, expected: number])[] = [
    ["accept: not open", ["sock_accept", 9, 0, pointer], errno.badf],
    ["accept: a directory", ["sock_accept", 3, 0, pointer], errno.notsock],
    ["accept: standard output", ["sock_accept", 1, 0, pointer], errno.notsock],
    ["accept: a connection", ["sock_accept", 6, 0, pointer], errno.inval],
    ["accept: flags that sockets don't have", ["sock_accept", 4, fdFlag.append, pointer], errno.inval],
    ["accept: no place for the answer", ["sock_accept", 4, 0, -1], errno.fault],
    ["recv: not open", ["sock_recv", 9, pointer, 0, 0, pointer, pointer], errno.badf],
    ["recv: a directory", ["sock_recv", 3, pointer, 0, 0, pointer, pointer], errno.notsock],
    ["recv: a listener", ["sock_recv", 4, pointer, 0, 0, pointer, pointer], errno.notconn],
    ["recv: unknown flags", ["sock_recv", 6, pointer, 0, 4, pointer, pointer], errno.inval],
    ["recv: no place for the count", ["sock_recv", 6, pointer, 0, 0, -1, pointer], errno.fault],
    ["recv: no place for the flags", ["sock_recv", 6, pointer, 0, 0, pointer, -1], errno.fault],
    ["recv: vectors outside of memory", ["sock_recv", 6, -8, 1, 0, pointer, pointer], errno.fault],
    ["send: not open", ["sock_send", 9, pointer, 0, 0, pointer], errno.badf],
    ["send: standard output", ["sock_send", 1, pointer, 0, 0, pointer], errno.notsock],
    ["send: a listener", ["sock_send", 4, pointer, 0, 0, pointer], errno.notconn],
    ["send: there are no flags", ["sock_send", 6, pointer, 0, 1, pointer], errno.inval],
    ["send: no place for the count", ["sock_send", 6, pointer, 0, 0, -1], errno.fault],
    ["shutdown: not open", ["sock_shutdown", 9, 1], errno.badf],
    ["shutdown: a directory", ["sock_shutdown", 3, 1], errno.notsock],
    ["shutdown: a listener", ["sock_shutdown", 4, 1], errno.notconn],
    ["shutdown: nothing", ["sock_shutdown", 6, 0], errno.inval],
    ["shutdown: something else", ["sock_shutdown", 6, 4], errno.inval],
    ["read: a listener", ["fd_read", 4, pointer, 0, pointer], errno.notconn],
    ["write: a listener", ["fd_write", 4, pointer, 0, pointer], errno.notcapable],
    ["pread: a connection", ["fd_seek", 6, 1, 0, pointer], errno.spipe],
    ["sync: a connection", ["fd_sync", 6], errno.inval],
    ["sync: a listener", ["fd_datasync", 4], errno.inval],
    ["readdir: a connection", ["fd_readdir", 6, pointer, 0, 0, pointer], errno.notdir],
  ];
  test.each(rows)("%s", async (_name, [name, ...args], expected) => {
    using it = new ListeningGuest();
    await it.connected();
    const values = args.map((arg, index) => {
      const is64 = (name === "fd_seek" && index === 1) || (name === "fd_readdir" && index === 3);
      return is64 ? BigInt(arg) : arg;
    });
    expect(it.guest.call(name, ...values)).toBe(expected);
  });

  const missing: readonly (readonly [name: string, needed: number, call: Call])[] = [
    ["recv", right.fdRead, ["sock_recv", 6, pointer, 0, 0, pointer, pointer]],
    ["send", right.fdWrite, ["sock_send", 6, pointer, 0, 0, pointer]],
    ["shutdown", right.sockShutdown, ["sock_shutdown", 6, 1]],
    ["accept", right.sockAccept, ["sock_accept", 4, 0, pointer]],
  ];
  test.each(missing)("%s: without the right", async (_name, needed, [name, ...args]) => {
    using it = new ListeningGuest();
    await it.connected();
    const [fd = 0] = args;
    const rights = fd === 4 ? listenerRights : socketRights;
    expect(it.guest.call("fd_fdstat_set_rights", fd, BigInt(rights & ~needed), 0n)).toBe(0);
    expect(it.guest.call(name, ...args)).toBe(errno.notcapable);
  });
});

describe("sock_accept", () => {
  test("waits for a connection, which gets the lowest free number and the flags", async () => {
    using it = new ListeningGuest();
    const { guest } = it;
    const accepted = guest.invoke("sock_accept", 4, fdFlag.nonblock, guest.out);
    expect(accepted).toBeInstanceOf(Promise);
    await it.dial();
    expect(await accepted).toBe(0);
    expect(guest.u32()).toBe(6);
    expect(guest.call("fd_fdstat_get", 6, guest.out)).toBe(0);
    const { out, view } = guest;
    expect([view.getUint8(out), view.getUint16(out + 2, true)]).toEqual([
      fileType.socketStream,
      fdFlag.nonblock,
    ]);
    expect([guest.u64(out + 8), guest.u64(out + 16)]).toEqual([BigInt(socketRights), 0n]);
  });

  test("NONBLOCK on the listener: EAGAIN", () => {
    using it = new ListeningGuest();
    it.nonblock(4);
    expect(it.guest.call("sock_accept", 4, 0, it.guest.out)).toBe(errno.again);
  });

  test("a full descriptor table: EMFILE, and the connection waits for another try", async () => {
    using it = new ListeningGuest({ openFilesMax: 6 });
    const client = await it.dial();
    client.write("still here");
    const { guest } = it;
    expect(await guest.invoke("sock_accept", 4, 0, guest.out)).toBe(errno.mfile);
    expect(guest.call("fd_close", 5)).toBe(0);
    expect(await guest.invoke("sock_accept", 4, 0, guest.out)).toBe(0);
    expect(await it.recv(5)).toBe(0);
    expect(it.received).toEqual(["still here", 0]);
  });

  test("no socket left for the instance: EMFILE", async () => {
    using it = new ListeningGuest({ socketsMax: 2 });
    await it.dial();
    expect(await it.guest.invoke("sock_accept", 4, 0, it.guest.out)).toBe(errno.mfile);
  });

  test("a kill ends the wait", async () => {
    using it = new ListeningGuest();
    const accepted = it.guest.invoke("sock_accept", 4, 0, it.guest.out);
    it.host.kill();
    expect(await accepted).toBe(errno.intr);
  });
});

describe("sock_recv, fd_read", () => {
  test("wait for what comes; the end is 0 bytes", async () => {
    using it = new ListeningGuest();
    const [client, fd] = await it.connected();
    const first = it.recv(fd);
    client.write("hello");
    expect(await first).toBe(0);
    expect(it.received).toEqual(["hello", 0]);
    const { guest } = it;
    const second = guest.invoke(
      "fd_read",
      fd,
      guest.vectors([guest.buffer, 2], [guest.buffer + 10, 8]),
      2,
      guest.out,
    );
    client.end("again");
    expect([await second, guest.u32()]).toEqual([0, 5]);
    expect([guest.bytes(guest.buffer, 2).toString(), guest.bytes(guest.buffer + 10, 3).toString()]).toEqual([
      "ag",
      "ain",
    ]);
    expect([await it.recv(fd), it.received[0], guest.read(fd)]).toEqual([0, "", ""]);
  });

  test("NONBLOCK: EAGAIN until something is there", async () => {
    using it = new ListeningGuest();
    const [client, fd] = await it.connected();
    it.nonblock(fd);
    expect([it.recv(fd), it.guest.read(fd)]).toEqual([errno.again, errno.again]);
    client.write("x");
    while (it.recv(fd, receiveFlag.peek) === errno.again)
      await new Promise((resolve) => setImmediate(resolve));
    expect(it.guest.read(fd)).toBe("x");
  });

  test("PEEK: the bytes stay", async () => {
    using it = new ListeningGuest();
    const [client, fd] = await it.connected();
    client.write("hello");
    expect(await it.recv(fd, receiveFlag.peek, 2)).toBe(0);
    expect(it.received[0]).toBe("he");
    expect(await it.recv(fd, receiveFlag.peek | receiveFlag.waitall)).toBe(0);
    expect(it.received[0]).toBe("hello");
    expect(await it.recv(fd)).toBe(0);
    expect(it.received[0]).toBe("hello");
  });

  test("WAITALL: until everything has come", async () => {
    using it = new ListeningGuest();
    const [client, fd] = await it.connected();
    const all = it.recv(fd, receiveFlag.waitall, 10);
    client.write("01234");
    while (it.guest.bytes(it.guest.buffer, 5).toString() !== "01234")
      await new Promise((resolve) => setImmediate(resolve));
    client.write("56789rest");
    expect(await all).toBe(0);
    expect(it.received[0]).toBe("0123456789");
    client.end();
    expect(await it.recv(fd, receiveFlag.waitall, 10)).toBe(0);
    expect(it.received[0]).toBe("rest");
  });

  test("no room: 0 at once", async () => {
    using it = new ListeningGuest();
    const [, fd] = await it.connected();
    expect([it.recv(fd, 0, 0), it.received[0]]).toEqual([0, ""]);
  });

  test("a reset: ECONNRESET", async () => {
    using it = new ListeningGuest();
    const [client, fd] = await it.connected();
    const waiting = it.recv(fd);
    client.resetAndDestroy();
    expect(await waiting).toBe(errno.connreset);
    expect(it.send(fd, "x")).toBe(errno.connreset);
    expect(it.guest.call("sock_shutdown", fd, shutdownFlag.send)).toBe(errno.notconn);
  });

  test("a kill ends the wait", async () => {
    using it = new ListeningGuest();
    const [, fd] = await it.connected();
    const waiting = it.recv(fd);
    it.host.kill();
    expect(await waiting).toBe(errno.intr);
  });
});

describe("sock_send, fd_write", () => {
  const more = Buffer.alloc(50_000, "x");

  test("send what they are given", async () => {
    using it = new ListeningGuest();
    const [client, fd] = await it.connected();
    expect([it.send(fd, "hello "), it.guest.u32()]).toEqual([0, 6]);
    expect([it.guest.write(fd, "world"), it.guest.u32()]).toEqual([0, 5]);
    expect([it.send(fd, ""), it.guest.u32()]).toEqual([0, 0]);
    expect(await heard(client, 11)).toBe("hello world");
  });

  test("wait until everything is accepted", async () => {
    using it = new ListeningGuest();
    const [client, fd] = await it.connected();
    const { guest } = it;
    client.pause();
    let answer: unknown = 0;
    let sent = 0;
    while (answer === 0) {
      answer = it.send(fd, more);
      sent += more.byteLength;
    }
    expect(answer).toBeInstanceOf(Promise);
    const all = heard(client, sent);
    expect([await answer, guest.u32()]).toEqual([0, more.byteLength]);
    expect((await all).length).toBe(sent);
  });

  test("NONBLOCK: what fits, then EAGAIN", async () => {
    using it = new ListeningGuest();
    const [client, fd] = await it.connected();
    it.nonblock(fd);
    client.pause();
    let sent = 0;
    let answer = it.send(fd, more);
    let last = it.guest.u32();
    while (answer === 0) {
      sent += last;
      answer = it.send(fd, more);
      last = it.guest.u32();
    }
    expect(answer).toBe(errno.again);
    expect((await heard(client, sent)).length).toBe(sent);
  });

  test("a kill ends the wait", async () => {
    using it = new ListeningGuest();
    const [client, fd] = await it.connected();
    client.pause();
    let answer: unknown = 0;
    while (answer === 0) answer = it.send(fd, more);
    it.host.kill();
    expect(await answer).toBe(errno.intr);
  });
});

describe("sock_shutdown", () => {
  test("of sending: EPIPE here, the end there, and receiving goes on", async () => {
    using it = new ListeningGuest();
    const [client, fd] = await it.connected();
    expect(it.send(fd, "last")).toBe(0);
    expect(it.guest.call("sock_shutdown", fd, shutdownFlag.send)).toBe(0);
    expect([it.send(fd, "x"), it.guest.write(fd, "x")]).toEqual([errno.pipe, errno.pipe]);
    expect(await heard(client, 5)).toBe("last");
    client.write("answer");
    expect(await it.recv(fd)).toBe(0);
    expect(it.received[0]).toBe("answer");
  });

  test("of receiving: the end, at once", async () => {
    using it = new ListeningGuest();
    const [client, fd] = await it.connected();
    client.write("unheard");
    expect(it.guest.call("sock_shutdown", fd, shutdownFlag.receive)).toBe(0);
    expect([it.guest.read(fd), it.send(fd, "still")]).toEqual(["", 0]);
    expect(await heard(client, 5)).toBe("still");
    expect(it.guest.call("sock_shutdown", fd, shutdownFlag.receive | shutdownFlag.send)).toBe(0);
    expect(it.send(fd, "x")).toBe(errno.pipe);
  });
});

describe("poll_oneoff", () => {
  const input = 65_536;
  const output = 80_000;

  function poll(guest: Guest, ...wanted: readonly (readonly [type: number, fd: number])[]): unknown {
    for (const [index, [type, fd]] of wanted.entries()) {
      const at = input + index * size.subscription;
      guest.bytes(at, size.subscription).fill(0);
      guest.view.setBigUint64(at, BigInt(fd), true);
      guest.view.setUint8(at + 8, type);
      guest.view.setUint32(at + 16, fd, true);
    }
    return guest.invoke("poll_oneoff", input, output, wanted.length, guest.out);
  }

  /** Descriptor, type, errno, bytes and flags of each event. */
  function events(guest: Guest): readonly (readonly number[])[] {
    return Array.from({ length: guest.u32() }, (_, index) => {
      const at = output + index * size.event;
      const { view } = guest;
      return [
        Number(guest.u64(at)),
        view.getUint8(at + 10),
        view.getUint16(at + 8, true),
        Number(guest.u64(at + 16)),
        view.getUint16(at + 24, true),
      ];
    });
  }

  test("a connection to accept, on one of two listeners", async () => {
    using it = new ListeningGuest();
    const waiting = poll(it.guest, [eventType.fdRead, 4], [eventType.fdRead, 5]);
    await it.dial();
    expect(await waiting).toBe(0);
    expect(events(it.guest)).toEqual([[4, eventType.fdRead, 0, 1, 0]]);
    expect(it.guest.call("sock_accept", 4, 0, it.guest.out)).toBe(0);
  });

  test("bytes to read, then a hangup", async () => {
    using it = new ListeningGuest();
    const [client, fd] = await it.connected();
    const waiting = poll(it.guest, [eventType.fdRead, 5], [eventType.fdRead, fd]);
    client.write("hello");
    expect(await waiting).toBe(0);
    expect(events(it.guest)).toEqual([[fd, eventType.fdRead, 0, 5, 0]]);
    expect(it.guest.read(fd)).toBe("hello");
    const hangup = poll(it.guest, [eventType.fdRead, fd]);
    client.end();
    expect(await hangup).toBe(0);
    expect(events(it.guest)).toEqual([[fd, eventType.fdRead, 0, 0, eventFlagHangup]]);
  });

  test("room to write, also after it was full", async () => {
    using it = new ListeningGuest();
    const [client, fd] = await it.connected();
    expect(poll(it.guest, [eventType.fdWrite, fd])).toBe(0);
    expect(events(it.guest)).toEqual([[fd, eventType.fdWrite, 0, 1, 0]]);
    it.nonblock(fd);
    client.pause();
    const full = Buffer.alloc(50_000);
    while (it.send(fd, full) === 0);
    const waiting = poll(it.guest, [eventType.fdWrite, fd]);
    expect(waiting).toBeInstanceOf(Promise);
    client.resume();
    expect(await waiting).toBe(0);
    expect(events(it.guest)).toEqual([[fd, eventType.fdWrite, 0, 1, 0]]);
  });

  test("a listener is never ready to write", () => {
    using it = new ListeningGuest();
    expect(poll(it.guest, [eventType.fdWrite, 4])).toBe(0);
    expect(events(it.guest)).toEqual([[4, eventType.fdWrite, errno.notcapable, 0, 0]]);
  });
});

test("Preview1.close: closes connections and listeners", async () => {
  using it = new ListeningGuest();
  const [client, fd] = await it.connected();
  expect(it.send(fd, "bye")).toBe(0);
  it.guest.preview1.close();
  expect(await heard(client, 4)).toBe("bye");
  expect(it.network.listeners[0]?.listener.accept()).toMatchObject({ error: "invalid-state" });
});

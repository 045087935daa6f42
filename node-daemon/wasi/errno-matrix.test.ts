/**
 * Every errno that each function of preview 1 answers by itself, provoked. The table in docs/WASI.md says the same: an
 * errno there without a row here fails, and one here that is not there. What the kernel refuses with comes on top, through
 * one table (errnos.ts).
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { clockId, errno, eventType, fdFlag, openFlag } from "./abi.ts";
import { errnoOfThrown } from "./errnos.ts";
import { DirectoryCapability } from "./file-system/directory-capability.ts";
import { MountedGuest } from "./guest-fixture.ts";
import { limits } from "./limits.ts";
import { preview1Signatures } from "./signatures.ts";
import { noNetwork, type TcpConnection, type TcpListener } from "./sockets/network.ts";
import { allRights, Guest, readRights } from "./test-support.ts";

type ErrnoName = Exclude<keyof typeof errno, "success">;
type Arguments = readonly (number | bigint | string | Uint8Array)[];

interface Setup {
  readonly readOnly?: boolean;
  readonly openFilesMax?: number;
  /** Before another guest is made, which has only what the host hands out: 3 is the mount. */
  readonly host?: (sandbox: MountedGuest["sandbox"]) => void;
  /** Before the call. */
  readonly arrange?: (guest: Guest, mounted: MountedGuest) => void;
}

type Row = readonly [call: string, answer: ErrnoName, args: Arguments, setup?: Setup];

const out = 1024;
const none = 99;
const buffer = 65_536;
const nowhere = -4;
/** The mount. */
const top = 3;
/** What the fixture opens: a file with all rights, a file and a directory with none. */
const file = 4;
const powerless = 5;
const powerlessDirectory = 6;

/** file, dir/in, empty/, self -> self; descriptors 3 to 6. */
function populated({ readOnly = false, openFilesMax = 64 }: Setup): MountedGuest {
  const mounted = new MountedGuest({ readOnly, openFilesMax });
  mounted.file("file", "text");
  mounted.file("dir/in", "text");
  mkdirSync(mounted.path("empty"));
  symlinkSync("self", mounted.path("self"));
  const { guest } = mounted;
  const opened = [
    guest.open("file", { rights: readOnly ? readRights : allRights }),
    guest.open("file", { rights: 0n }),
    guest.open("dir", { rights: 0n }),
  ];
  expect(opened).toEqual([file, powerless, powerlessDirectory]);
  return mounted;
}

/** One vector that lies in memory, written where `vectors` points. */
const vectors = 2048;
const withVectors: Setup = {
  arrange: (guest) => {
    guest.view.setUint32(vectors, buffer, true);
    guest.view.setUint32(vectors + 4, 16, true);
    // Of the second, the end lies outside.
    guest.view.setUint32(vectors + 8, guest.memory.buffer.byteLength - 8, true);
    guest.view.setUint32(vectors + 12, 16, true);
  },
};

const readOnly: Setup = { ...withVectors, readOnly: true };

const processRows: readonly Row[] = [
  ["args_get", "fault", [out, nowhere]],
  ["args_sizes_get", "fault", [nowhere + 1, out]],
  ["environ_get", "fault", [-1, out], { host: ({ host }) => (host.env = [["A", "1"]]) }],
  ["environ_sizes_get", "fault", [out, nowhere + 1]],
  ["clock_res_get", "fault", [clockId.realtime, nowhere]],
  ["clock_res_get", "inval", [4, out]],
  ["clock_res_get", "notsup", [clockId.processCpu, out]],
  ["clock_time_get", "fault", [clockId.realtime, 0n, nowhere]],
  ["clock_time_get", "inval", [4, 0n, out]],
  ["clock_time_get", "notsup", [clockId.threadCpu, 0n, out]],
  ["random_get", "fault", [nowhere, 8]],
  ["proc_raise", "nosys", [6]],
];

const descriptorRows: readonly Row[] = [
  ["fd_advise", "badf", [none, 0n, 1n, 0]],
  ["fd_advise", "isdir", [top, 0n, 1n, 0]],
  ["fd_advise", "spipe", [1, 0n, 1n, 0]],
  ["fd_advise", "notcapable", [powerless, 0n, 1n, 0]],
  ["fd_advise", "inval", [file, 0n, 1n, 6]],
  ["fd_allocate", "badf", [none, 0n, 1n]],
  ["fd_allocate", "isdir", [top, 0n, 1n]],
  ["fd_allocate", "spipe", [1, 0n, 1n]],
  ["fd_allocate", "notcapable", [powerless, 0n, 1n]],
  ["fd_allocate", "rofs", [file, 0n, 1n], readOnly],
  ["fd_allocate", "inval", [file, 0n, 0n]],
  ["fd_allocate", "fbig", [file, 0n, 1n << 62n]],
  ["fd_close", "badf", [none]],
  ["fd_datasync", "badf", [none]],
  ["fd_datasync", "notcapable", [powerless]],
  ["fd_sync", "badf", [none]],
  ["fd_sync", "notcapable", [powerless]],
  ["fd_fdstat_get", "badf", [none, out]],
  ["fd_fdstat_get", "fault", [file, nowhere]],
  ["fd_fdstat_set_flags", "badf", [none, 0]],
  ["fd_fdstat_set_flags", "inval", [file, 32]],
  ["fd_fdstat_set_flags", "notcapable", [powerless, 0]],
  ["fd_fdstat_set_rights", "badf", [none, 0n, 0n]],
  ["fd_fdstat_set_rights", "notcapable", [powerless, 1n, 0n]],
  ["fd_filestat_get", "badf", [none, out]],
  ["fd_filestat_get", "fault", [file, -60]],
  ["fd_filestat_get", "notcapable", [powerless, out]],
  ["fd_filestat_set_size", "badf", [none, 0n]],
  ["fd_filestat_set_size", "isdir", [top, 0n]],
  ["fd_filestat_set_size", "spipe", [1, 0n]],
  ["fd_filestat_set_size", "notcapable", [powerless, 0n]],
  ["fd_filestat_set_size", "rofs", [file, 0n], readOnly],
  ["fd_filestat_set_size", "fbig", [file, -1n]],
  ["fd_filestat_set_times", "badf", [none, 0n, 0n, 1]],
  ["fd_filestat_set_times", "inval", [file, 0n, 0n, 3]],
  ["fd_filestat_set_times", "notcapable", [powerless, 0n, 0n, 1]],
  ["fd_filestat_set_times", "rofs", [file, 0n, 0n, 1], readOnly],
  ["fd_prestat_get", "badf", [file, out]],
  ["fd_prestat_get", "fault", [top, nowhere]],
  ["fd_prestat_dir_name", "badf", [file, out, 1]],
  ["fd_prestat_dir_name", "nametoolong", [top, out, 0]],
  ["fd_prestat_dir_name", "fault", [top, -1, 2]],
  ["fd_renumber", "badf", [none, file]],
  ["fd_seek", "badf", [none, 1n, 0, out]],
  ["fd_seek", "isdir", [top, 1n, 0, out]],
  ["fd_seek", "spipe", [1, 1n, 0, out]],
  ["fd_seek", "notcapable", [powerless, 1n, 0, out]],
  ["fd_seek", "fault", [file, 1n, 0, nowhere]],
  ["fd_seek", "inval", [file, -1n, 0, out]],
  ["fd_seek", "overflow", [file, 1n << 62n, 0, out]],
  ["fd_tell", "badf", [none, out]],
  ["fd_tell", "isdir", [top, out]],
  ["fd_tell", "spipe", [1, out]],
  ["fd_tell", "notcapable", [powerless, out]],
  ["fd_tell", "fault", [file, nowhere]],
];

const transferRows: readonly Row[] = [
  ["fd_read", "badf", [none, vectors, 1, out], withVectors],
  ["fd_read", "isdir", [top, vectors, 1, out], withVectors],
  ["fd_read", "notcapable", [powerless, vectors, 1, out], withVectors],
  ["fd_read", "fault", [file, vectors, 2, out], withVectors],
  ["fd_read", "inval", [file, vectors, limits.iovecsMax + 1, out], withVectors],
  [
    "fd_read",
    "again",
    [0, vectors, 1, out],
    {
      arrange: (guest, mounted) => {
        withVectors.arrange?.(guest, mounted);
        guest.call("fd_fdstat_set_flags", 0, fdFlag.nonblock);
      },
    },
  ],
  ["fd_write", "badf", [none, vectors, 1, out], withVectors],
  ["fd_write", "isdir", [top, vectors, 1, out], withVectors],
  ["fd_write", "notcapable", [powerless, vectors, 1, out], withVectors],
  ["fd_write", "rofs", [file, vectors, 1, out], readOnly],
  ["fd_write", "fault", [file, vectors, 2, out], withVectors],
  ["fd_write", "inval", [file, vectors, limits.iovecsMax + 1, out], withVectors],
  [
    "fd_write",
    "again",
    [1, vectors, 1, out],
    {
      arrange: (guest, mounted) => {
        withVectors.arrange?.(guest, mounted);
        mounted.sandbox.host.stdout.room = 0;
        guest.call("fd_fdstat_set_flags", 1, fdFlag.nonblock);
      },
    },
  ],
  [
    "fd_write",
    "fbig",
    [file, vectors, 1, out],
    {
      arrange: (guest, mounted) => {
        withVectors.arrange?.(guest, mounted);
        expect(guest.call("fd_seek", file, BigInt(Number.MAX_SAFE_INTEGER), 0, out)).toBe(0);
      },
    },
  ],
  ["fd_pread", "badf", [none, vectors, 1, 0n, out], withVectors],
  ["fd_pread", "isdir", [top, vectors, 1, 0n, out], withVectors],
  ["fd_pread", "spipe", [0, vectors, 1, 0n, out], withVectors],
  ["fd_pread", "notcapable", [powerless, vectors, 1, 0n, out], withVectors],
  ["fd_pread", "fault", [file, vectors, 2, 0n, out], withVectors],
  ["fd_pread", "inval", [file, vectors, 1, -1n, out], withVectors],
  ["fd_pwrite", "badf", [none, vectors, 1, 0n, out], withVectors],
  ["fd_pwrite", "isdir", [top, vectors, 1, 0n, out], withVectors],
  ["fd_pwrite", "spipe", [1, vectors, 1, 0n, out], withVectors],
  ["fd_pwrite", "notcapable", [powerless, vectors, 1, 0n, out], withVectors],
  ["fd_pwrite", "rofs", [file, vectors, 1, 0n, out], readOnly],
  ["fd_pwrite", "fault", [file, vectors, 2, 0n, out], withVectors],
  ["fd_pwrite", "inval", [file, vectors, limits.iovecsMax + 1, 0n, out], withVectors],
  ["fd_pwrite", "fbig", [file, vectors, 1, -1n, out], withVectors],
  ["fd_readdir", "badf", [none, buffer, 64, 0n, out]],
  ["fd_readdir", "notdir", [file, buffer, 64, 0n, out]],
  ["fd_readdir", "notcapable", [powerlessDirectory, buffer, 64, 0n, out]],
  ["fd_readdir", "fault", [top, nowhere, 64, 0n, out]],
  [
    "fd_readdir",
    "nomem",
    [top, buffer, 64, 0n, out],
    {
      arrange: (_guest, mounted) => {
        for (let i = 0; i <= limits.listingEntriesMax; i++) writeFileSync(mounted.path(`${i}`), "");
      },
    },
  ],
];

/** Stands for a path whose pointer leads outside. */
const nowhereMark = "nowhere";

/** How each function is called with a path to act on, everything else being well. */
const pathCalls: Readonly<Record<string, (fd: number, path: string | Uint8Array) => Arguments>> = {
  path_create_directory: (fd, path) => [fd, path],
  path_filestat_get: (fd, path) => [fd, 0, path, out],
  path_filestat_set_times: (fd, path) => [fd, 0, path, 0n, 0n, 1],
  path_link: (fd, path) => [fd, 0, path, top, "new"],
  path_open: (fd, path) => [fd, 1, path, 0, readRights, 0n, 0, out],
  path_readlink: (fd, path) => [fd, path, buffer, 16, out],
  path_remove_directory: (fd, path) => [fd, path],
  path_rename: (fd, path) => [fd, path, top, "new"],
  path_symlink: (fd, path) => ["target", fd, path],
  path_unlink_file: (fd, path) => [fd, path],
};

/** What every one of them answers. */
const commonPathRows = Object.entries(pathCalls).flatMap(([call, args]): readonly Row[] => [
  [call, "badf", args(none, "file")],
  [call, "notdir", args(top, "file/below")],
  [call, "notcapable", args(powerlessDirectory, "in")],
  [call, "fault", args(top, nowhereMark)],
  [call, "nametoolong", args(top, "x".repeat(limits.pathBytesMax + 1))],
  [call, "ilseq", args(top, Uint8Array.of(0xff))],
  [call, "inval", args(top, "a\0b")],
  [call, "noent", args(top, "none/below")],
  [call, "perm", args(top, "../outside/secret")],
  [call, "loop", args(top, "self/below")],
]);

const otherMount: Setup = {
  host: (sandbox) => {
    // Two mounts are two if what is done with their files is.
    const { fd, files } = sandbox.capability(sandbox.outside);
    const directory = new DirectoryCapability(fd, { ...files, close: () => {} });
    sandbox.host.preopens = [...sandbox.host.preopens, { guestPath: "/other", directory, readOnly: false }];
  },
};

const pathRows: readonly Row[] = [
  ["path_create_directory", "rofs", [top, "new"], { readOnly: true }],
  ["path_create_directory", "exist", [top, "file"]],
  ["path_filestat_set_times", "rofs", [top, 0, "file", 0n, 0n, 1], { readOnly: true }],
  ["path_link", "rofs", [top, 0, "file", top, "new"], { readOnly: true }],
  ["path_link", "exist", [top, 0, "file", top, "dir/in"]],
  ["path_link", "xdev", [top, 0, "file", top + 1, "new"], otherMount],
  ["path_open", "rofs", [top, 0, "file", 0, allRights, 0n, 0, out], { readOnly: true }],
  ["path_open", "isdir", [top, 0, "dir", 0, allRights, 0n, 0, out]],
  ["path_open", "exist", [top, 0, "file", openFlag.create | openFlag.exclusive, readRights, 0n, 0, out]],
  ["path_open", "mfile", [top, 0, "file", 0, readRights, 0n, 0, out], { openFilesMax: 7 }],
  [
    "path_open",
    "acces",
    [top, 0, "fifo", 0, readRights, 0n, 0, out],
    { arrange: (_guest, mounted) => void execFileSync("mkfifo", [mounted.path("fifo")]) },
  ],
  ["path_remove_directory", "rofs", [top, "empty"], { readOnly: true }],
  ["path_remove_directory", "notempty", [top, "dir"]],
  ["path_rename", "rofs", [top, "file", top, "new"], { readOnly: true }],
  ["path_rename", "busy", [top, ".", top, "new"]],
  ["path_rename", "isdir", [top, "file", top, "empty"]],
  ["path_rename", "notempty", [top, "empty", top, "dir"]],
  ["path_rename", "xdev", [top, "file", top + 1, "new"], otherMount],
  ["path_symlink", "rofs", ["file", top, "new"], { readOnly: true }],
  ["path_symlink", "exist", ["file", top, "file"]],
  ["path_unlink_file", "rofs", [top, "file"], { readOnly: true }],
  ["path_unlink_file", "isdir", [top, "empty"]],
];

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
const eventRows: readonly Row[] = [
  ["poll_oneoff", "badf", [subscription, buffer, 1, out], subscribe(eventType.fdRead, none)],
  ["poll_oneoff", "notcapable", [subscription, buffer, 1, out], subscribe(eventType.fdRead, powerless)],
  ["poll_oneoff", "notsup", [subscription, buffer, 1, out], subscribe(eventType.clock, clockId.processCpu)],
  ["poll_oneoff", "inval", [subscription, buffer, 1, out], subscribe(eventType.clock, 9)],
];

const rows: readonly Row[] = [
  ...processRows,
  ...descriptorRows,
  ...transferRows,
  ...commonPathRows,
  ...pathRows,
  ...socketRows,
  ...pollRows,
];

function perform([call, , args, setup = {}]: Row): {
  readonly answer: number;
  readonly guest: Guest;
  readonly mounted: MountedGuest;
} {
  const mounted = populated(setup);
  let { guest } = mounted;
  if (setup.host) {
    mounted.guest.preview1.close();
    setup.host(mounted.sandbox);
    guest = new Guest(mounted.sandbox.host);
  }
  setup.arrange?.(guest, mounted);
  const passed = args.flatMap((arg) => (arg === nowhereMark ? [nowhere, 8] : [arg]));
  const answer = guest.call(call, ...passed);
  return { answer, guest, mounted };
}

describe("errno: each that a function answers by itself", () => {
  test.each(rows.map((row) => ({ call: row[0], answer: row[1], row })))(
    "$call: $answer",
    ({ answer, row }) => {
      const performed = perform(row);
      using mounted = performed.mounted;
      expect(performed.answer).toBe(errno[answer]);
      expect(mounted.sandbox.host.bugs).toEqual([]);
    },
  );

  test.each(eventRows.map((row) => ({ answer: row[1], row })))(
    "an event of poll_oneoff: $answer",
    ({ answer, row }) => {
      const performed = perform(row);
      using mounted = performed.mounted;
      expect(performed.answer).toBe(0);
      expect(mounted.guest.view.getUint16(buffer + 8, true)).toBe(errno[answer]);
    },
  );
});

/** The table of docs/WASI.md: function and errnos. */
function documented(): ReadonlyMap<string, readonly string[]> {
  const text = readFileSync(new URL("../../docs/WASI.md", import.meta.url), "utf8");
  const [, section = ""] = text.split("\n### Errnos by function\n");
  const [table = ""] = section.split("\n### ");
  const lines = [...table.matchAll(/^\| `(\w+)` +\| (.*?) +\|/gm)];
  return new Map(
    lines.map(([, name = "", errnos = ""]) => [name, errnos === "none" ? [] : (errnos.match(/\w+/g) ?? [])]),
  );
}

test("errno: docs/WASI.md has every function, and of each exactly the errnos that have a row", () => {
  const inRows = Object.keys(preview1Signatures).map((name): [string, readonly string[]] => [
    name,
    [...rows, ...eventRows].filter(([call]) => call === name).map(([, answer]) => answer),
  ]);
  const plain = (list: Iterable<readonly [string, readonly string[]]>) =>
    Object.fromEntries([...list].map(([name, errnos]) => [name, [...new Set(errnos)].sort()]));
  expect(plain(documented())).toEqual(plain(inRows));
});

test("errnoOfThrown: what the kernel refuses with has an errno, and a bug of ours has none", () => {
  const codes = [
    "EIO",
    "ENOSPC",
    "EDQUOT",
    "ENFILE",
    "EMFILE",
    "ENAMETOOLONG",
    "ETXTBSY",
    "EMLINK",
    "ESTALE",
  ];
  for (const code of codes) expect(errnoOfThrown({ code }), code).toBeGreaterThan(0);
  expect(errnoOfThrown(new TypeError("bug"))).toBeUndefined();
  expect(errnoOfThrown({ code: "ERR_INVALID_ARG_TYPE" })).toBeUndefined();
});

test("rights: no function that acts on a descriptor goes without one, but for those that only describe it", () => {
  const free = ["fd_close", "fd_renumber", "fd_fdstat_get", "fd_prestat_get", "fd_prestat_dir_name"];
  const needing = rows.filter(([, answer]) => answer === "notcapable").map(([call]) => call);
  const acting = Object.keys(preview1Signatures).filter((name) => /^(fd|path)_/.test(name));
  const without = acting.filter((name) => !needing.includes(name));
  expect(without.sort()).toEqual(free.sort());
});

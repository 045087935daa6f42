/** Rows of the errno matrix: the process, descriptors and files. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { expect } from "vitest";

import { clockId, fdFlag, openFlag } from "./abi.ts";
import {
  type Arguments,
  buffer,
  file,
  none,
  nowhere,
  nowhereMark,
  out,
  powerless,
  powerlessDirectory,
  readOnly,
  type Row,
  type Setup,
  top,
  vectors,
  withVectors,
} from "./errno-fixture.ts";
import { DirectoryCapability } from "./file-system/directory-capability.ts";
import { limits } from "./limits.ts";
import { allRights, readRights } from "./test-support.ts";

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

export const fileRows: readonly Row[] = [
  ...processRows,
  ...descriptorRows,
  ...transferRows,
  ...commonPathRows,
  ...pathRows,
];

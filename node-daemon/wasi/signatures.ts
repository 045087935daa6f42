import type { WasiHost } from "./host.ts";

/**
 * The types of all functions of `wasi_snapshot_preview1`: parameters and results in parentheses, separated by one space.
 * A module that imports anything else from there is refused before it starts.
 */
export const preview1Signatures: Readonly<Record<string, string>> = {
  args_get: "(i32 i32) -> (i32)",
  args_sizes_get: "(i32 i32) -> (i32)",
  environ_get: "(i32 i32) -> (i32)",
  environ_sizes_get: "(i32 i32) -> (i32)",
  clock_res_get: "(i32 i32) -> (i32)",
  clock_time_get: "(i32 i64 i32) -> (i32)",
  fd_advise: "(i32 i64 i64 i32) -> (i32)",
  fd_allocate: "(i32 i64 i64) -> (i32)",
  fd_close: "(i32) -> (i32)",
  fd_datasync: "(i32) -> (i32)",
  fd_fdstat_get: "(i32 i32) -> (i32)",
  fd_fdstat_set_flags: "(i32 i32) -> (i32)",
  fd_fdstat_set_rights: "(i32 i64 i64) -> (i32)",
  fd_filestat_get: "(i32 i32) -> (i32)",
  fd_filestat_set_size: "(i32 i64) -> (i32)",
  fd_filestat_set_times: "(i32 i64 i64 i32) -> (i32)",
  fd_pread: "(i32 i32 i32 i64 i32) -> (i32)",
  fd_prestat_get: "(i32 i32) -> (i32)",
  fd_prestat_dir_name: "(i32 i32 i32) -> (i32)",
  fd_pwrite: "(i32 i32 i32 i64 i32) -> (i32)",
  fd_read: "(i32 i32 i32 i32) -> (i32)",
  fd_readdir: "(i32 i32 i32 i64 i32) -> (i32)",
  fd_renumber: "(i32 i32) -> (i32)",
  fd_seek: "(i32 i64 i32 i32) -> (i32)",
  fd_sync: "(i32) -> (i32)",
  fd_tell: "(i32 i32) -> (i32)",
  fd_write: "(i32 i32 i32 i32) -> (i32)",
  path_create_directory: "(i32 i32 i32) -> (i32)",
  path_filestat_get: "(i32 i32 i32 i32 i32) -> (i32)",
  path_filestat_set_times: "(i32 i32 i32 i32 i64 i64 i32) -> (i32)",
  path_link: "(i32 i32 i32 i32 i32 i32 i32) -> (i32)",
  path_open: "(i32 i32 i32 i32 i32 i64 i64 i32 i32) -> (i32)",
  path_readlink: "(i32 i32 i32 i32 i32 i32) -> (i32)",
  path_remove_directory: "(i32 i32 i32) -> (i32)",
  path_rename: "(i32 i32 i32 i32 i32 i32) -> (i32)",
  path_symlink: "(i32 i32 i32 i32 i32) -> (i32)",
  path_unlink_file: "(i32 i32 i32) -> (i32)",
  poll_oneoff: "(i32 i32 i32 i32) -> (i32)",
  proc_exit: "(i32) -> ()",
  proc_raise: "(i32) -> (i32)",
  random_get: "(i32 i32) -> (i32)",
  sched_yield: "() -> (i32)",
  sock_accept: "(i32 i32 i32) -> (i32)",
  sock_recv: "(i32 i32 i32 i32 i32 i32) -> (i32)",
  sock_send: "(i32 i32 i32 i32 i32) -> (i32)",
  sock_shutdown: "(i32 i32) -> (i32)",
};

/** Those of `wasi_unstable`, the snapshot before: the same but one. */
const { sock_accept: _since, ...unstableSignatures } = preview1Signatures;

/** Of everything that a core module can import, by the name of the module it is imported from. */
export const wasiSignatures: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map([
  ["wasi_snapshot_preview1", preview1Signatures],
  ["wasi_unstable", unstableSignatures],
]);

/** The functions that may answer a promise: the shim wraps them with `WebAssembly.Suspending`. */
export const suspendingFunctions: ReadonlySet<string> = new Set([
  "fd_datasync",
  "fd_pread",
  "fd_pwrite",
  "fd_read",
  "fd_readdir",
  "fd_sync",
  "fd_write",
  "poll_oneoff",
  "random_get",
  "sched_yield",
  "sock_accept",
  "sock_recv",
  "sock_send",
]);

/** With a mount that may block, these do as well. Wrapped, a call costs a microtask even where nothing waits. */
const alsoSuspending: ReadonlySet<string> = new Set([
  ...suspendingFunctions,
  "fd_allocate",
  "fd_fdstat_set_flags",
  "fd_filestat_get",
  "fd_filestat_set_size",
  "fd_filestat_set_times",
  "fd_seek",
  "path_create_directory",
  "path_filestat_get",
  "path_filestat_set_times",
  "path_link",
  "path_open",
  "path_readlink",
  "path_remove_directory",
  "path_rename",
  "path_symlink",
  "path_unlink_file",
]);

export function suspendingFunctionsFor({ preopens }: Pick<WasiHost, "preopens">): ReadonlySet<string> {
  return preopens.some(({ directory }) => directory.files.mayBlock) ? alsoSuspending : suspendingFunctions;
}

/** The functions that only look up a number or two: so quick that looking at the clock after each would be felt. */
export const quickFunctions: ReadonlySet<string> = new Set([
  "args_sizes_get",
  "clock_res_get",
  "clock_time_get",
  "environ_sizes_get",
  "fd_fdstat_get",
  "fd_prestat_get",
  "fd_seek",
  "fd_tell",
]);

/** Answered with ENOSYS: signals mean nothing here. */
export const missingFunctions: readonly string[] = ["proc_raise"];

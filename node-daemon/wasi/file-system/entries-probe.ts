/** For entries.test.ts: as a program of its own, prints what it finds in the folder argv[2], and what it is refused. */
import { closeSync, constants, fstatSync } from "node:fs";

import { Bug, errorCode } from "../../../kit/errors.ts";
import { errno } from "../abi.ts";
import { openEntry, statEntry } from "./entries.ts";
import { libc } from "./libc.ts";
import { readListing } from "./listing.ts";
import { localFiles } from "./local-files.ts";
import { openMount } from "./directory-capability.ts";
import { atOnce } from "./turns.ts";

const { fd } = openMount(process.argv[2] ?? ".");
const paths = [
  "file",
  "none",
  "link",
  "dangling",
  "a",
  "a/b/file",
  "a/link/file",
  "a/b/../b/file",
  "a/up/file",
  "file/x",
];

function attempt(call: () => unknown): unknown {
  try {
    return call();
  } catch (thrown) {
    return errorCode(thrown);
  }
}

function opened(name: string): unknown {
  const entry = openEntry(fd, name, constants.O_RDONLY | constants.O_NOFOLLOW, 0);
  if (entry === -errno.noent) return "ENOENT";
  const { ino } = fstatSync(entry);
  closeSync(entry);
  return ino;
}

const names = atOnce(readListing(fd));
if (typeof names === "number") throw new Bug(`the folder was refused: ${names}`);
const asked = localFiles.inodes(
  fd,
  names.map(({ name }) => name),
);
if (typeof asked === "number") throw new Bug(`the inodes were refused: ${asked}`);
const single = paths.filter((path) => !path.includes("/"));
const found = {
  opened: single.map((name) => attempt(() => opened(name))),
  entries: single.map((name) => attempt(() => statEntry(fd, name))),
  paths: paths.flatMap((path) => [true, false].map((follow) => localFiles.statAt(fd, path, follow))),
  names: names.map(({ inode, ...entry }, index) => ({ ...entry, inode: inode ?? asked[index] })),
};
/** Without the time of the last access, which all this changes. */
const text = (key: string, value: unknown) =>
  key === "atimeNs" ? undefined : typeof value === "bigint" ? String(value) : value;
process.stdout.write(`${libc() === undefined ? "without" : "with"}\n${JSON.stringify(found, text)}\n`);

/**
 * The numbers of `wasi_snapshot_preview1`, as its witx files define them.
 */

export const errno = {
  success: 0,
  tooBig: 1,
  acces: 2,
  addrinuse: 3,
  addrnotavail: 4,
  afnosupport: 5,
  again: 6,
  badf: 8,
  busy: 10,
  connaborted: 13,
  connrefused: 14,
  connreset: 15,
  dquot: 19,
  exist: 20,
  fault: 21,
  fbig: 22,
  hostunreach: 23,
  ilseq: 25,
  intr: 27,
  inval: 28,
  io: 29,
  isdir: 31,
  loop: 32,
  mfile: 33,
  mlink: 34,
  msgsize: 35,
  nametoolong: 37,
  netdown: 38,
  netunreach: 40,
  nfile: 41,
  nobufs: 42,
  nodev: 43,
  noent: 44,
  nolck: 46,
  nomem: 48,
  nospc: 51,
  nosys: 52,
  notconn: 53,
  notdir: 54,
  notempty: 55,
  notsock: 57,
  notsup: 58,
  nxio: 60,
  overflow: 61,
  perm: 63,
  pipe: 64,
  rofs: 69,
  spipe: 70,
  stale: 72,
  timedout: 73,
  txtbsy: 74,
  xdev: 75,
  notcapable: 76,
} as const;

/** An errno of preview 1; inside this folder a returned number always means "refused, for this reason" unless 0. */
export type Errno = number;

export const right = {
  fdDatasync: 1 << 0,
  fdRead: 1 << 1,
  fdSeek: 1 << 2,
  fdFdstatSetFlags: 1 << 3,
  fdSync: 1 << 4,
  fdTell: 1 << 5,
  fdWrite: 1 << 6,
  fdAdvise: 1 << 7,
  fdAllocate: 1 << 8,
  pathCreateDirectory: 1 << 9,
  pathCreateFile: 1 << 10,
  pathLinkSource: 1 << 11,
  pathLinkTarget: 1 << 12,
  pathOpen: 1 << 13,
  fdReaddir: 1 << 14,
  pathReadlink: 1 << 15,
  pathRenameSource: 1 << 16,
  pathRenameTarget: 1 << 17,
  pathFilestatGet: 1 << 18,
  pathFilestatSetSize: 1 << 19,
  pathFilestatSetTimes: 1 << 20,
  fdFilestatGet: 1 << 21,
  fdFilestatSetSize: 1 << 22,
  fdFilestatSetTimes: 1 << 23,
  pathSymlink: 1 << 24,
  pathRemoveDirectory: 1 << 25,
  pathUnlinkFile: 1 << 26,
  pollFdReadwrite: 1 << 27,
  sockShutdown: 1 << 28,
  sockAccept: 1 << 29,
} as const;

const writingFileRights =
  right.fdWrite | right.fdAllocate | right.fdFilestatSetSize | right.fdFilestatSetTimes;

const writingDirectoryRights =
  right.pathCreateDirectory |
  right.pathCreateFile |
  right.pathLinkSource |
  right.pathLinkTarget |
  right.pathRenameSource |
  right.pathRenameTarget |
  right.pathFilestatSetSize |
  right.pathFilestatSetTimes |
  right.fdFilestatSetTimes |
  right.pathSymlink |
  right.pathRemoveDirectory |
  right.pathUnlinkFile;

/** What changes anything: a read-only mount has none of them. */
export const writingRights = writingFileRights | writingDirectoryRights;

/** Every right that means something on a regular file. */
export const fileRights =
  writingFileRights |
  right.fdDatasync |
  right.fdRead |
  right.fdSeek |
  right.fdFdstatSetFlags |
  right.fdSync |
  right.fdTell |
  right.fdAdvise |
  right.fdFilestatGet |
  right.pollFdReadwrite;

/** Every right that means something on a directory; sizes of files are set through their own descriptors. */
export const directoryRights =
  writingDirectoryRights |
  right.pathOpen |
  right.fdReaddir |
  right.pathReadlink |
  right.pathFilestatGet |
  right.fdFilestatGet |
  right.fdFdstatSetFlags |
  right.fdSync |
  right.fdDatasync;

export const inputRights =
  right.fdRead | right.fdFdstatSetFlags | right.fdFilestatGet | right.pollFdReadwrite;
export const outputRights =
  right.fdWrite | right.fdFdstatSetFlags | right.fdFilestatGet | right.pollFdReadwrite;

/** Of a connection, and what a listener hands on. */
export const socketRights =
  right.fdRead |
  right.fdWrite |
  right.fdFdstatSetFlags |
  right.fdFilestatGet |
  right.pollFdReadwrite |
  right.sockShutdown;
/** Reading is what a poll for connections is. */
export const listenerRights =
  right.fdRead | right.fdFdstatSetFlags | right.fdFilestatGet | right.pollFdReadwrite | right.sockAccept;

export const fileType = {
  unknown: 0,
  blockDevice: 1,
  characterDevice: 2,
  directory: 3,
  regularFile: 4,
  socketStream: 6,
  symbolicLink: 7,
} as const;

export const fdFlag = { append: 1, dsync: 2, nonblock: 4, rsync: 8, sync: 16 } as const;
export const fdFlagsAll = 31;
export const openFlag = { create: 1, directory: 2, exclusive: 4, truncate: 8 } as const;
export const openFlagsAll = 15;
export const lookupSymlinkFollow = 1;
export const timesFlag = { atime: 1, atimeNow: 2, mtime: 4, mtimeNow: 8 } as const;
export const timesFlagsAll = 15;
export const whence = { set: 0, current: 1, end: 2 } as const;
export const clockId = { realtime: 0, monotonic: 1, processCpu: 2, threadCpu: 3 } as const;
export const eventType = { clock: 0, fdRead: 1, fdWrite: 2 } as const;
export const clockFlagAbsolute = 1;
/** The peer of the socket has closed it. */
export const eventFlagHangup = 1;
export const receiveFlag = { peek: 1, waitall: 2 } as const;
export const receiveFlagsAll = 3;
export const shutdownFlag = { receive: 1, send: 2 } as const;
export const shutdownFlagsAll = 3;

/** Sizes in bytes of the structures that cross the boundary. */
export const size = {
  iovec: 8,
  filestat: 64,
  fdstat: 24,
  prestat: 8,
  dirent: 24,
  subscription: 48,
  event: 32,
};

/** How a guest writes what it subscribes to: the two versions of preview 1 differ. */
export interface SubscriptionForm {
  readonly bytes: number;
  /** Where the clock's id stands; what follows it is the same. */
  readonly clockAt: number;
}

export const subscriptionForm: SubscriptionForm = { bytes: size.subscription, clockAt: 16 };

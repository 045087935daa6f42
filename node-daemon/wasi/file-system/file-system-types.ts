import { statfsSync } from "node:fs";

import { descriptorPath } from "./host-flags.ts";

/**
 * File systems that are doors into the kernel: their "regular files" are process memory, debug switches and the like.
 * Nothing on them is opened or told, even when a mount happens to contain one. Numbers from linux/magic.h.
 */
const kernelFileSystemTypes: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0xcafe4a11, // bpf
  0x62656570, // configfs
  0x1cd1, // devpts
  0xde5e81e4, // efivarfs
  0x19800202, // mqueue
  0x6e736673, // nsfs
  0x42494e4d, // binfmt_misc: a line written there makes the host run what it says
  0xf97cff8c, // selinuxfs
  0x43415d53, // smackfs
  0x5a3c69f0, // apparmorfs
  0x6165676c, // pstorefs
  0x65735543, // fusectl
  0x07655821, // resctrl
  0x6c6f6f70, // binderfs
  0xabba1974, // xenfs
  0x6e667364, // nfsd
  0x67596969, // rpc_pipefs
  0x50494446, // pidfs
  0x9fa1, // openpromfs
  0x9fa2, // usbfs
]);

/**
 * Devices found to hold files. The number of an unmounted file system can come back for another one, so this is
 * forgotten whenever a mount is opened, and bounded.
 */
const allowedDevices = new Set<number>();
const allowedDevicesMax = 256;

export function forgetDevices(): void {
  allowedDevices.clear();
}

/** Whether what `fd` has open, on device `dev`, is on such a file system. */
export function isKernelFileSystem(fd: number, dev: number): boolean {
  if (allowedDevices.has(dev)) return false;
  // statfs types are 32-bit but arrive signed on some file systems.
  if (kernelFileSystemTypes.has(statfsSync(descriptorPath(fd)).type >>> 0)) return true;
  if (allowedDevices.size >= allowedDevicesMax) allowedDevices.clear();
  allowedDevices.add(dev);
  return false;
}

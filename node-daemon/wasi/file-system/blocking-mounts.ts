/**
 * Which folders may keep a file call waiting for longer than a disk does: everything on, or with something mounted below
 * it from, a file system that is not known to be local. Read from the kernel's table of mounts and not asked of the file
 * system itself, whose answer could be what never comes. What is mounted later, below a folder that is open already, is
 * not noticed.
 */
import { Bug } from "../../../kit/errors.ts";

/** NFS, CIFS, FUSE, 9p, Ceph, automounts and whatever is not known are not among them. */
const localTypes: ReadonlySet<string> = new Set(
  "ext2 ext3 ext4 xfs btrfs zfs f2fs bcachefs jfs nilfs2 reiserfs tmpfs ramfs rootfs devtmpfs hugetlbfs overlay squashfs erofs cramfs iso9660 udf vfat msdos exfat ntfs3 hfsplus".split(
    " ",
  ),
);

/** Doors into the kernel: nothing on them is opened (file-system-types.ts), and none of them waits for anyone. */
const kernelTypes: ReadonlySet<string> = new Set(
  "proc sysfs debugfs tracefs securityfs cgroup cgroup2 bpf configfs devpts efivarfs mqueue nsfs pstore selinuxfs binfmt_misc fusectl".split(
    " ",
  ),
);

interface Mount {
  readonly folder: string;
  readonly type: string;
}

/** `table` is the text of `/proc/self/mountinfo`, `realPath` a folder without symlinks in it. */
export function mayBlock(table: string, realPath: string): boolean {
  const mounts = parseMounts(table);
  // The last of those that are mounted over one another is the one that is seen.
  let holder: Mount | undefined;
  for (const mount of mounts) {
    if (!isBelow(realPath, mount.folder)) continue;
    if (holder === undefined || mount.folder.length >= holder.folder.length) holder = mount;
  }
  if (holder === undefined || !localTypes.has(holder.type)) return true;
  return mounts.some(
    ({ folder, type }) => isBelow(folder, realPath) && !localTypes.has(type) && !kernelTypes.has(type),
  );
}

function parseMounts(table: string): readonly Mount[] {
  return table
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [before = "", after = ""] = line.split(" - ", 2);
      const folder = before.split(" ")[4];
      const type = after.split(" ")[0];
      if (folder === undefined || !type) throw new Bug(`read the table of mounts: ${line}`);
      return { folder: unescaped(folder), type };
    });
}

/** Blanks and the like are written as three octal digits behind a backslash. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

function isBelow(path: string, folder: string): boolean {
  return folder === "/" || path === folder || path.startsWith(`${folder}/`);
}

import { existsSync } from "node:fs";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { errorMessage } from "../../kit/errors.ts";
import type { CommandContext } from "../command.ts";
import { Failure } from "../failure.ts";

interface BackupOptions {
  readonly force?: boolean;
}

/** The first bytes of a SQLite file say what it is and how long. https://www.sqlite.org/fileformat.html */
const headerBytes = 100;
const magic = "SQLite format 3\0";

export function define(command: Command, { terminal, connect }: CommandContext): void {
  command
    .argument("<file>", "where to write it")
    .option("--force", "replace the file when it exists")
    .addHelpText(
      "after",
      '\nSecrets are in it as they are stored: encrypted, where the scheduler has a key. "wherry restore" needs that key\n(pki/encryption.keys of the state folder): keep a copy of it, but not beside the backups.',
    )
    .action(async (name: string, options: BackupOptions) => {
      const file = resolve(terminal.workingDirectory, name);
      requireFree(file, name, options);
      const { client } = await connect();
      // A stalled server is noticed by the one who waits; a large store on a slow line is no failure.
      const content = await client.open({ path: "/backup", accept: "application/vnd.sqlite3, */*" });
      const draft = `${file}.${process.pid}.tmp`;
      try {
        const bytes = await write(draft, content);
        requireFree(file, name, options);
        await rename(draft, file);
        await syncFolder(dirname(file));
        await terminal.out(`${name} written, ${bytes} bytes\n`);
      } catch (thrown) {
        content.destroy();
        await rm(draft, { force: true });
        throw thrown instanceof Failure
          ? thrown
          : new Failure(`writing ${name}: ${errorMessage(thrown)}`, { cause: thrown });
      }
    });
}

function requireFree(file: string, name: string, { force }: BackupOptions): void {
  if (!force && existsSync(file)) throw new Failure(`${name} exists; replace it with --force`);
}

/** Only its owner may read it. */
async function write(draft: string, content: AsyncIterable<Uint8Array>): Promise<number> {
  const handle = await open(draft, "wx+", 0o600);
  try {
    for await (const chunk of content) await handle.writeFile(chunk);
    const { size } = await handle.stat();
    await requireWhole(handle, size);
    await handle.sync();
    return size;
  } finally {
    await handle.close();
  }
}

/** A connection that broke off, or an answer that is no backup, must not be found out only on the day of the restore. */
async function requireWhole(handle: FileHandle, size: number): Promise<void> {
  const header = Buffer.alloc(headerBytes);
  await handle.read(header, 0, headerBytes, 0);
  if (header.toString("latin1", 0, magic.length) !== magic)
    throw new Failure("the server's answer is no backup of a store");
  const written = header.readUInt16BE(16);
  const pageBytes = written === 1 ? 65_536 : written;
  const expected = pageBytes * header.readUInt32BE(28);
  if (size !== expected)
    throw new Failure(`the server sent ${size} bytes of ${expected}: the backup is not whole`);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

import { errorCode, errorMessage } from "../../kit/errors.ts";
import type { MountPoint } from "../runtimes/runtime-driver.ts";
import type { Preopen } from "../wasi/host.ts";
import type { HostedGuest } from "./hosted-guest.ts";
import type { HeldMount, MountTable } from "./mount-table.ts";
import { Refusal } from "./refusal.ts";

/**
 * Opens the mounts of an instance, within its turn; `held` closes them. Where that takes longer than a turn, the instance has a
 * new one afterwards. Undefined if its guest was killed meanwhile; throws a {@link Refusal}.
 */
export async function openMounts(
  table: MountTable,
  mounts: readonly MountPoint[],
  guest: HostedGuest,
  held: DisposableStack,
): Promise<Preopen[] | undefined> {
  const preopens: Preopen[] = [];
  let waited = false;
  for (const mount of mounts) {
    const { guestPath, readOnly } = mount;
    const opening = openMount(table, mount);
    waited ||= opening instanceof Promise;
    const opened = opening instanceof Promise ? await unlessKilled(guest, opening) : opening;
    if (opened === undefined) return undefined;
    held.defer(() => opened.close());
    preopens.push({ guestPath, directory: opened.directory, readOnly });
  }
  if (waited) await guest.turn();
  return guest.killed ? undefined : preopens;
}

function openMount(table: MountTable, mount: MountPoint): HeldMount | Promise<HeldMount> {
  const refuse = (thrown: unknown): never => {
    const retryable = errorCode(thrown) !== "mount-forbidden";
    throw new Refusal("MountFailed", `mount ${mount.guestPath}: ${errorMessage(thrown)}`, retryable);
  };
  try {
    const opening = table.open(mount);
    return opening instanceof Promise ? opening.catch(refuse) : opening;
  } catch (thrown) {
    return refuse(thrown);
  }
}

/** The file system may take as long as it likes; a kill doesn't wait for it. */
async function unlessKilled(guest: HostedGuest, opening: Promise<HeldMount>): Promise<HeldMount | undefined> {
  const ended = await guest.wait<{ readonly by: "opening" | "kill" }>(
    (wake) => {
      const done = () => wake({ by: "opening" });
      opening.then(done, done);
      return () => {};
    },
    { by: "kill" },
  );
  if (ended.by === "opening") return opening;
  opening.then(
    (late) => late.close(),
    () => {},
  );
  return undefined;
}

import { errorCode, errorMessage } from "../../kit/errors.ts";
import type { MountPoint } from "../runtimes/runtime-driver.ts";
import type { Preopen } from "../wasi/host.ts";
import type { HostedGuest } from "./hosted-guest.ts";
import { type HeldMount, type MountTable, mountTableFull } from "./mount-table.ts";
import { Refusal } from "./refusal.ts";

/**
 * Opens the mounts of an instance; `held` closes them. At once, so that the turn in which it is called goes on, unless one of
 * them takes longer: then the instance needs a new turn afterwards. Undefined if its guest was killed meanwhile; throws a
 * {@link Refusal}.
 */
export function openMounts(
  table: MountTable,
  mounts: readonly MountPoint[],
  guest: HostedGuest,
  held: DisposableStack,
): Preopen[] | Promise<Preopen[] | undefined> {
  const preopens: Preopen[] = [];
  for (const [index, mount] of mounts.entries()) {
    const opening = openMount(table, mount);
    if (opening instanceof Promise) return openRest(index, opening);
    preopens.push(preopenOf(mount, opening, held));
  }
  return preopens;

  async function openRest(first: number, slow: Promise<HeldMount>): Promise<Preopen[] | undefined> {
    for (const [index, mount] of mounts.entries()) {
      if (index < first) continue;
      const opening = index === first ? slow : openMount(table, mount);
      const opened = opening instanceof Promise ? await unlessKilled(guest, opening) : opening;
      if (opened === undefined) return undefined;
      preopens.push(preopenOf(mount, opened, held));
    }
    return preopens;
  }
}

function preopenOf({ guestPath, readOnly }: MountPoint, opened: HeldMount, held: DisposableStack): Preopen {
  held.defer(() => opened.close());
  return { guestPath, directory: opened.directory, readOnly };
}

function openMount(table: MountTable, mount: MountPoint): HeldMount | Promise<HeldMount> {
  const refuse = (thrown: unknown): never => {
    if (errorCode(thrown) === mountTableFull) throw new Refusal("ShimFull", errorMessage(thrown), true);
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

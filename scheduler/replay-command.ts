import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { parseArgs } from "node:util";
import { errorMessage, WherryError } from "../kit/errors.ts";
import { defaultConfiguration, type PlacementConfiguration } from "./core/placement/profile-declaration.ts";
import { parsePlacementConfig } from "./placement-config/parse.ts";
import { limits } from "./recording/limits.ts";
import { decodeLine, type RecordedLine } from "./recording/record-lines.ts";
import { replayText } from "./recording/replay-text.ts";
import { Replay } from "./recording/replay.ts";

export const replayUsage = `Usage: wherry-scheduler replay FILE... [--placement-config FILE] [--profile NAME] [--differences N]
  FILE                     what --record-placement has written; several in the order in which they were
  --placement-config FILE  the profiles that there are, as the scheduler's flag of that name
  --profile NAME           the placement profile that decides for all; otherwise each instance's own
  --differences N          list the first N decisions that differ (default 10)`;

interface ReplayFlags {
  readonly files: readonly string[];
  readonly profile: string | undefined;
  readonly differencesMax: number;
  readonly placement: PlacementConfiguration;
}

/** Throws a `WherryError` InvalidFlag that names the flag. */
export function parseReplayFlags(args: readonly string[]): ReplayFlags {
  const text = { type: "string" } as const;
  let parsed: {
    readonly values: { profile?: string; differences?: string; "placement-config"?: string };
    readonly positionals: string[];
  };
  try {
    parsed = parseArgs({
      args: [...args],
      options: { profile: text, differences: text, "placement-config": text },
      allowPositionals: true,
    });
  } catch (thrown) {
    throw new WherryError("InvalidFlag", errorMessage(thrown), { cause: thrown });
  }
  const { values, positionals: files } = parsed;
  const { profile, differences = "10" } = values;
  if (files.length === 0) throw new WherryError("InvalidFlag", "name the FILE to replay");
  if (!/^\d{1,7}$/.test(differences))
    throw new WherryError("InvalidFlag", `--differences ${differences}: expected a whole number`);
  const placement = placementOf(values["placement-config"]);
  const names = placement.profiles.map(({ name }) => name);
  if (profile !== undefined && !names.includes(profile))
    throw new WherryError(
      "InvalidFlag",
      `--profile ${profile}: there is no such profile; there are ${names.join(", ")}`,
    );
  return { files, profile, differencesMax: Number(differences), placement };
}

function placementOf(path: string | undefined): PlacementConfiguration {
  if (path === undefined) return defaultConfiguration;
  try {
    return parsePlacementConfig(readFileSync(path, "utf8"));
  } catch (thrown) {
    throw new WherryError("InvalidFlag", `--placement-config ${path}: ${errorMessage(thrown)}`, {
      cause: thrown,
    });
  }
}

/** Runs the command and returns the exit code. */
export async function runReplay(
  args: readonly string[],
  print: { readonly out: (text: string) => void; readonly err: (text: string) => void },
): Promise<number> {
  let flags: ReplayFlags;
  try {
    flags = parseReplayFlags(args);
  } catch (thrown) {
    print.err(`wherry-scheduler replay: ${errorMessage(thrown)}\n\n${replayUsage}\n`);
    return 2;
  }
  try {
    const replay = new Replay(flags);
    for (const file of flags.files) await readInto(replay, file);
    const report = replay.report();
    if (report.lines === 0)
      throw new WherryError(
        "RecordingUnreadable",
        `replay ${flags.files.join(", ")}: there is no checkpoint to begin with`,
      );
    print.out(replayText(report, flags.profile));
    return 0;
  } catch (thrown) {
    print.err(`${errorMessage(thrown)}\n`);
    return 1;
  }
}

async function readInto(replay: Replay, path: string): Promise<void> {
  await using file = await open(path);
  let number = 0;
  /** The last line of a scheduler that was killed may be half a line; so it is judged when the next one comes. */
  let broken: unknown;
  for await (const line of file.readLines()) {
    number++;
    if (broken !== undefined) throw broken;
    if (line === "") continue;
    const place = `${path}, line ${number}`;
    if (line.length > limits.lineBytesMax)
      throw new WherryError("RecordingUnreadable", `${place}: it is too long for a recording`);
    let decoded: RecordedLine;
    try {
      decoded = decodeLine(line, place);
    } catch (thrown) {
      broken = thrown;
      continue;
    }
    replay.take(decoded);
  }
  if (broken !== undefined && number <= 1) throw broken;
}

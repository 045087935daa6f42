import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installBesideSources, madeFolder } from "../../kit/checkout-programs.ts";
import { filesIn, type ProgramFiles } from "../../kit/program-files.ts";

/** The main files of the two services. */
export interface ServicePrograms {
  readonly scheduler: string;
  readonly node: string;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const isSource = import.meta.url.endsWith(".ts");

/** Of what is run: no guest may write there. */
export const madeProgramsFolder = join(root, madeFolder);

/** Beside `cli`, in dist as in the sources; of the sources those that had their types stripped, where they can be kept. */
export function servicePrograms(): ServicePrograms {
  const stripped = isSource ? installBesideSources(serviceFiles(), root) : undefined;
  const folder = stripped?.folder ?? root;
  const ending = isSource && !stripped ? "ts" : "js";
  return {
    scheduler: join(folder, `scheduler/main.${ending}`),
    node: join(folder, `node-daemon/main.${ending}`),
  };
}

/** What is compiled for dist, and what the services read beside their code. */
function serviceFiles(): ProgramFiles {
  const code = ["kit", "api", "proto", "scheduler", "node-daemon"];
  const files = filesIn([...code, "charts/wherry"], root, (path) => !testPattern.test(path));
  return new Map([...files, ["package.json", readFileSync(join(root, "package.json"), "utf8")]]);
}

/** The same as in tools/tsconfig.build.json. */
const testPattern = /\.test\.ts$|\/testing\/|\/test-[^/]*\.ts$/;

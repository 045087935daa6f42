import { preview3 } from "../component-files/test-support.ts";
import type { AttackedMount } from "./attacker.ts";
import { ComponentAttacker } from "./component-attacker.ts";
import { describeKernelObjects } from "./kernel-objects.ts";
import { describeScenes } from "./scenes.ts";
import { describeWays } from "./suite.ts";

const make = (mounts: readonly AttackedMount[]) => new ComponentAttacker(preview3, mounts);

describeWays(preview3.name, make);
describeScenes(preview3.name, make);
describeKernelObjects(preview3.name, make);

import { preview2 } from "../component-files/test-support.ts";
import type { AttackedMount } from "./attacker.ts";
import { ComponentAttacker } from "./component-attacker.ts";
import { describeKernelObjects } from "./kernel-objects.ts";
import { describeScenes } from "./scenes.ts";
import { describeWays } from "./suite.ts";

const make = (mounts: readonly AttackedMount[]) => new ComponentAttacker(preview2, mounts);

describeWays(preview2.name, make);
describeScenes(preview2.name, make);
describeKernelObjects(preview2.name, make);

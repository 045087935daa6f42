import { describeKernelObjects } from "./kernel-objects.ts";
import { Preview1Attacker } from "./preview1-attacker.ts";
import { describeScenes } from "./scenes.ts";
import { describeWays } from "./suite.ts";

const make = (...args: ConstructorParameters<typeof Preview1Attacker>) => new Preview1Attacker(...args);

describeWays("preview 1", make);
describeScenes("preview 1", make);
describeKernelObjects("preview 1", make);

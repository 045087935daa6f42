import { preview2Interfaces } from "../wasi/preview2/index.ts";
import { preview3Interfaces } from "../wasi/preview3/index.ts";
import { offerOf } from "./check-imports.ts";

/** All that components may import. */
export const offer = offerOf([...preview2Interfaces, ...preview3Interfaces]);

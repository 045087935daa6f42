import { errno, type Errno } from "../abi.ts";
import type { WasiContext, WasiFunctions } from "./context.ts";

/** No descriptor is a socket yet: what is open says so. */
function refuse({ descriptors }: WasiContext, fd: number): Errno {
  return descriptors.get(fd) === undefined ? errno.badf : errno.notsock;
}

export const socketFunctions = {
  sock_accept: refuse,
  sock_recv: refuse,
  sock_send: refuse,
  sock_shutdown: refuse,
} satisfies WasiFunctions;

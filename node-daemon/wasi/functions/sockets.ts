import { errno } from "../abi.ts";
import type { WasiContext, WasiFunctions } from "./context.ts";

/** No descriptor is a socket yet: what is open says so. */
export function socketFunctions({ descriptors }: WasiContext): WasiFunctions {
  const refuse = (fd: number) => (descriptors.get(fd) === undefined ? errno.badf : errno.notsock);
  return { sock_accept: refuse, sock_recv: refuse, sock_send: refuse, sock_shutdown: refuse };
}

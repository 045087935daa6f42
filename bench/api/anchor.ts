import type { Figure } from "../figure.ts";

/**
 * What kube-apiserver 1.36 with etcd took on a machine of two cores, etcd without fsync: measured once, elsewhere, and here
 * to know in what order of size a figure is. Where a range was measured, the better end of it.
 */
export const kubernetes = {
  /** Of 205 to 394, by 16 clients. */
  createsPerSecond: 394,
  idleMebibytes: 275,
  /** Of 3 to 7 s. */
  readyMs: 3_000,
} as const;

export function besideKubernetes(value: number, theirs: number, unit: string): Figure {
  const name = `  against kube-apiserver with etcd without fsync, elsewhere: ${theirs} ${unit}`;
  return { name, value: value / theirs, unit: "times" };
}

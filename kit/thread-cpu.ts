/**
 * CPU time of the calling thread in milliseconds, exact to some microseconds. The kernel brings that figure up to date only
 * every few milliseconds by itself; asked for the whole process it does so first. Measured: 0.9 µs for both, 3 µs with a dozen threads.
 */
export function threadCpuMs(): number {
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

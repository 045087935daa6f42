import { type CommandResult, eventually, type TestCluster } from "./cluster.ts";

type Ended = "Complete" | "Failed";

/** Waits for a job's end; fails with what there is to know about it when it ends in the other way, or not. */
export async function jobEnd(cluster: TestCluster, name: string, wanted: Ended = "Complete"): Promise<void> {
  let phase: string | undefined;
  try {
    await eventually(async () => {
      const { status } = await cluster.json<{ status?: { phase?: string } }>("wasmjob", name);
      phase = status?.phase;
      if (phase !== "Complete" && phase !== "Failed") throw new Error("has not ended");
    }, 150_000);
  } catch {
    throw await complaint(cluster, name, phase);
  }
  if (phase !== wanted) throw await complaint(cluster, name, phase);
}

async function complaint(cluster: TestCluster, name: string, phase: string | undefined): Promise<Error> {
  const described = await cluster.wherry("describe", "wasmjob", name);
  const { stdout } = await logsOf(cluster, name);
  return new Error(`job ${name} is ${phase ?? "without status"}:\n${described.stdout}${stdout.slice(-4000)}`);
}

export function logsOf(cluster: TestCluster, name: string): Promise<CommandResult> {
  return cluster.wherry("logs", `wasmjob/${name}`);
}

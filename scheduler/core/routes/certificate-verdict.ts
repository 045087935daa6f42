import { toTimestamp } from "../../../kit/timestamps.ts";
import type { ConditionVerdict } from "../controllers/conditions.ts";

/** What a certificate that gateways can use says of itself, as far as one route is concerned. */
export interface CertificateFacts {
  readonly secretName: string;
  /** Hostnames of the route that it is not for. */
  readonly uncovered: readonly string[];
  readonly validFromMs: number;
  readonly validToMs: number;
}

const dayMs = 86_400_000;
/** Those that are renewed in time have a third of their life left; short ones live for days. */
const soonMsMax = 14 * dayMs;
const soonShare = 1 / 6;

/** Clients refuse what is not so; gateways serve it all the same, as there is nothing better. */
export function certificateVerdict(facts: CertificateFacts, nowMs: number): ConditionVerdict {
  const { secretName, uncovered, validFromMs, validToMs } = facts;
  const type = "CertificateValid";
  const said = (status: "True" | "False", reason: string, message: string) => ({
    type,
    status,
    reason,
    message: `the certificate of Secret ${secretName} ${message}`,
  });
  const [from, to] = [toTimestamp(validFromMs), toTimestamp(validToMs)];
  if (nowMs >= validToMs) return said("False", "Expired", `was valid until ${to}`);
  if (nowMs < validFromMs) return said("False", "NotYetValid", `is valid from ${from}`);
  if (uncovered.length > 0) return said("False", "HostNotCovered", `is not for ${uncovered.join(", ")}`);
  if (nowMs >= soonOf(facts)) return said("True", "ExpiresSoon", `is valid until ${to} only`);
  return said("True", "Valid", `is valid until ${to}`);
}

/** When the verdict may be another; undefined: never. */
export function nextVerdictMs(facts: CertificateFacts, nowMs: number): number | undefined {
  return [facts.validFromMs, soonOf(facts), facts.validToMs].find((ms) => ms > nowMs);
}

function soonOf({ validFromMs, validToMs }: CertificateFacts): number {
  return validToMs - Math.min(soonMsMax, (validToMs - validFromMs) * soonShare);
}

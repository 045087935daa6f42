import { describe } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { atomicityContract, commitContract, queueContract } from "./contract/commits.ts";
import type { ContractOptions, StoreFixture, WithStore } from "./contract/fixture.ts";
import { compactionContract, historyContract } from "./contract/history.ts";
import { backupContract, lifeContract } from "./contract/life.ts";
import { keyContract, watchContract } from "./contract/reads.ts";

/** What every Store must do, whatever is beneath it. */
export function storeContract(name: string, open: (options: ContractOptions) => Promise<StoreFixture>): void {
  const withStore: WithStore = async (body, limits = {}) => {
    const clock = new FakeClock();
    const fixture = {
      clock,
      ...(await open({ clock, eventsMax: 1_000, bytesMax: 2 ** 24, ageMsMax: 3_600_000, ...limits })),
    };
    try {
      await body(fixture);
    } finally {
      await fixture.dispose();
    }
  };

  describe(`Store contract on ${name}`, () => {
    commitContract(withStore);
    atomicityContract(withStore);
    queueContract(withStore);
    keyContract(withStore);
    watchContract(withStore);
    historyContract(withStore);
    compactionContract(withStore);
    backupContract(withStore);
    lifeContract(withStore);
  });
}

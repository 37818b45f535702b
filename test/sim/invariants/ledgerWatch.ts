/** Holds the league's ledger against itself from look to look, and in the end against the attempts of all tasks. */
import type { Template } from "../../../src/model/job.ts";
import type { LedgerView } from "../../../src/model/views.ts";
import type { Use } from "../../../src/protocol/levels.ts";
import { RESTORES } from "../faults/restores.ts";
import type { World } from "../world/world.ts";

type Sums = Map<string, number>;

/** Seconds are floats. */
const ROUNDING_S = 1e-3;
/** An attempt counts from its hand-out by the Cluster's clock while it lives, and by its node's once it has ended. */
const ON_THE_WAY_S = 2;
const DRIFT = 0.02;

export class LedgerWatch {
  readonly #world: World;
  #seen: Sums = new Map();
  #seenInLife = -1;
  /** milli-unit · ms that its rows told of */
  #stored: Sums = new Map();

  constructor(world: World) {
    this.#world = world;
  }

  /** The Broker woke on older rows. */
  restored(): void {
    this.#seen = new Map();
    this.#stored = new Map();
  }

  look(): void {
    const { broker, checks } = this.#world;
    const ledger = broker.ask("ledger", {}) as LedgerView;
    checks.hold("ledger-balances", ledger.balanced, () => JSON.stringify(ledger));
    const entries = entriesOf(ledger);
    // A new life begins with what was stored.
    if (this.#seenInLife === broker.life) this.#holdGrown(this.#seen, entries, "its entry");
    this.#seen = entries;
    this.#seenInLife = broker.life;
    const stored = storedIn(this.#world);
    this.#holdGrown(this.#stored, stored, "its row");
    this.#stored = stored;
  }

  #holdGrown(before: Sums, now: Sums, what: string): void {
    for (const [key, amount] of before) {
      const later = now.get(key) ?? 0;
      this.#world.checks.hold(
        "ledger-balances",
        later >= amount - ROUNDING_S,
        () => `${what} ${key} fell from ${amount} to ${later}`,
      );
    }
  }

  /** Where no rows were lost, each role used what its attempts did: no less, and where nothing was late no more. */
  end(): void {
    this.look();
    const { checks } = this.#world;
    const { faults } = this.#world.happenings;
    if (LOSSES.some((fault) => faults.has(fault))) return;
    const told = byRole(this.#seen);
    const isExact = [...faults.keys()].every((fault) => HARMLESS.has(fault));
    const least = ranByRole(this.#world, (task) => this.#world.isAtMostOne(task));
    for (const [key, { seconds }] of least) {
      const ledger = told.get(key) ?? 0;
      checks.hold(
        "ledger-balances",
        ledger >= seconds - ROUNDING_S,
        () => `the ledger tells ${ledger} of ${key}, its attempts ${seconds}`,
      );
    }
    if (!isExact) return;
    const ran = ranByRole(this.#world, () => true);
    for (const [key, ledger] of told) {
      const { seconds, slack } = ran.get(key) ?? { seconds: 0, slack: 0 };
      checks.hold(
        "ledger-balances",
        ledger <= seconds + slack + ROUNDING_S,
        () => `the ledger tells ${ledger} of ${key}, its attempts ${seconds} and ${slack} at most on the way`,
      );
    }
  }
}

/**
 * The Broker's ledger keeps what a Cluster that lost its rows had told, and clocks that jump count wrong. What a Broker
 * had not stored when it died comes with the next report, of which there may be none for minutes.
 */
const LOSSES = ["cluster-rebuilt", "clock-jump", "broker-crash", "object-crash", ...RESTORES];
/** Nothing is handed out in vain, nothing ends without being told at once. */
const HARMLESS = new Set(["start-failed", "broker-away", "object-link-cut", "message-doubled", "message-replayed"]);

const entriesOf = ({ entries }: LedgerView): Sums => {
  const sums: Sums = new Map();
  for (const { partition, lender, borrower, resourceSeconds } of entries)
    for (const [name, seconds] of Object.entries(resourceSeconds))
      sums.set(`${borrower} ${name} in ${partition} of ${lender ?? "nobody"}`, seconds);
  return sums;
};

/** `ROLE RESOURCE`, without where it was. */
function byRole(entries: Sums): Sums {
  const sums: Sums = new Map();
  for (const [key, seconds] of entries) {
    const role = key.slice(0, key.indexOf(" in "));
    sums.set(role, (sums.get(role) ?? 0) + seconds);
  }
  return sums;
}

function storedIn(world: World): Sums {
  const sums: Sums = new Map();
  for (const { cluster, current, banked } of world.broker.home.query("SELECT cluster, current, banked FROM ledger")) {
    for (const uses of [current, banked]) {
      for (const { partition, lender, role, resourceMs } of JSON.parse(String(uses)) as Use[]) {
        for (const [name, amount] of Object.entries(resourceMs)) {
          const key = `${role} ${name} in ${cluster}/${partition} of ${lender ?? "nobody"}`;
          sums.set(key, (sums.get(key) ?? 0) + amount);
        }
      }
    }
  }
  return sums;
}

interface Ran {
  seconds: number;
  slack: number;
}

/** From the rows of the Clusters: ended attempts, those that decided their task and those that did not. */
function ranByRole({ clusters }: World, counts: (task: string) => boolean): Map<string, Ran> {
  const sums = new Map<string, Ran>();
  for (const { home } of clusters) {
    for (const { id, index, ranMs, template } of home.query(ENDED)) {
      if (!counts(`${id}.${index}`)) continue;
      const { role, resources } = JSON.parse(String(template)) as Template;
      for (const [name, amount] of Object.entries(resources)) {
        const key = `${role} ${name}`;
        const sum = sums.get(key) ?? { seconds: 0, slack: 0 };
        const seconds = (amount * Number(ranMs)) / 1e6;
        sum.seconds += seconds;
        sum.slack += seconds * DRIFT + (amount / 1000) * ON_THE_WAY_S;
        sums.set(key, sum);
      }
    }
  }
  return sums;
}

const ENDED = `
  SELECT g.job AS id, t."index", t.ran_ms AS ranMs, g.template FROM task t JOIN "grant" g ON g.job = t.job
    WHERE t.state IN ('succeeded', 'failed', 'cancelled') AND t.ran_ms IS NOT NULL
  UNION ALL
  SELECT g.job, a."index", a.ran_ms, g.template FROM attempt a JOIN "grant" g ON g.job = a.job
    WHERE a.ran_ms IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM task t WHERE t.job = a.job AND t."index" = a."index" AND t.epoch = a.epoch
        AND t.state IN ('succeeded', 'failed', 'cancelled') AND t.ran_ms IS NOT NULL)`;

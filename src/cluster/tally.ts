/** Sums of what was used: how long attempts ran, and milli-units · ms by partition, owner and role. */
import { add, type Resources } from "../model/resources.ts";
import type { Use } from "../protocol/levels.ts";

/** How long attempts of one job held their place, by where. */
export interface Ran {
  partition: string;
  lender: string | null;
  ms: number;
  /** of those whose nodes told how they ended: how long they ran, and how many */
  toldMs: number;
  told: number;
}

type Where = Pick<Ran, "partition" | "lender">;
const whereKey = ({ partition, lender }: Where): string => `${partition} ${lender ?? ""}`;

export class RanTally {
  readonly #byWhere = new Map<string, Ran>();

  /** @param isTold its node told of the end; a lost one is counted with its silence */
  add({ partition, lender }: Where, ms: number, isTold: boolean): void {
    const key = whereKey({ partition, lender });
    const ran = this.#byWhere.get(key) ?? { partition, lender, ms: 0, toldMs: 0, told: 0 };
    ran.ms += ms;
    if (isTold) {
      ran.toldMs += ms;
      ran.told += 1;
    }
    this.#byWhere.set(key, ran);
  }

  all(): readonly Ran[] {
    return [...this.#byWhere.values()];
  }
}

/** Beyond so many the use of a role that has none yet counts for all those together: names of roles are free. */
const MAX_USES = 2_000;
const OTHER_ROLES = "others";

/** Sums by partition, lender and role. */
export class UseTally {
  readonly #byKey = new Map<string, Use>();

  constructor(uses: readonly Use[] = []) {
    for (const use of uses) this.#put(use);
  }

  #put(use: Use): Use {
    this.#byKey.set(`${whereKey(use)} ${use.role}`, use);
    return use;
  }

  /** @param ms for so long `resources` were used; negative takes back */
  add(where: Where, role: string, resources: Resources, ms: number): Use {
    const { partition, lender } = where;
    const isKnown = this.#byKey.has(`${whereKey(where)} ${role}`);
    if (!isKnown && role !== OTHER_ROLES && this.#byKey.size >= MAX_USES)
      return this.add(where, OTHER_ROLES, resources, ms);
    const known = this.#byKey.get(`${whereKey(where)} ${role}`);
    const taskMs = (known?.taskMs ?? 0) + ms;
    const resourceMs = add(known?.resourceMs ?? {}, resources, ms);
    return this.#put({ partition, lender, role, taskMs, resourceMs });
  }

  clear(): void {
    this.#byKey.clear();
  }

  all(): Use[] {
    return [...this.#byKey.values()];
  }
}

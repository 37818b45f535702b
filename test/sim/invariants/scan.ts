/** Looks at all that there is: every object's memory against its rows, and the rows of all objects against each other. */
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";
import { checkAmounts } from "./amounts.ts";
import { checkIndices } from "./brokerRows.ts";
import { checkCharged } from "./charged.ts";
import { checkOffers } from "./offers.ts";

const EVERY_STEPS = 1_000;

export class Scans {
  readonly #world: World;
  count = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** After each step of the world. */
  stepped(): void {
    if (this.#world.timeline.steps % EVERY_STEPS === 0) this.scan();
  }

  scan(): void {
    const world = this.#world;
    this.count += 1;
    checkIndices(world);
    checkCharged(world);
    world.ledger.look();
    world.rounds.look();
    world.drains.look();
    world.reclaims.look();
    world.reader.look();
    this.#holdRows(world.broker);
    for (const cluster of world.clusters) {
      checkAmounts(world, cluster);
      checkOffers(world, cluster);
      world.watch.checkAcked(cluster);
      for (const { plan } of world.people) world.watch.checkTasks(cluster, plan.id);
      this.#holdRows(cluster);
    }
  }

  #holdRows({ home, name }: SimObject): void {
    let problem = "";
    try {
      home.verifyRows();
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    this.#world.checks.hold("rows-kept", problem === "", () => `${name}: ${problem}`);
  }
}

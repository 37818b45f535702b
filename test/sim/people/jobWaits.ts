/** People who wait for their job's end, as scripts do; some of them give up by Ctrl-C. */
import { isTerminal } from "../../../src/model/states.ts";
import type { JobView } from "../../../src/model/views.ts";
import type { Chance } from "../world/random.ts";
import type { World } from "../world/world.ts";

const WAITS = 0.4;
const CTRL_C = 0.3;
const WAIT_S = 25;
const AGAIN_MS = 2_000;
/** Its end reaches who waits for it: two links, two turns. */
const SOON_MS = 1_000;

export class JobWaits {
  readonly #world: World;
  readonly #chance: Chance;

  constructor(world: World, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
  }

  /** Its submission is acknowledged. */
  acknowledged(job: string): void {
    const own = this.#chance.named(job);
    if (!own.of(WAITS) || !this.#world.happenings.isWanted("wait", job)) return;
    const { timeline, happenings } = this.#world;
    const wait: Wait = { job, isOver: false, end: () => {} };
    this.#again(wait);
    if (!own.of(CTRL_C)) return;
    timeline.after(own.spread(500, 120_000), () => {
      if (wait.isOver || !happenings.isWanted("ctrl-c", job)) return;
      wait.isOver = true;
      wait.end();
    });
  }

  #again(wait: Wait): void {
    const { timeline, edge } = this.#world;
    if (wait.isOver) return;
    const beganAtMs = timeline.nowMs;
    let isTold = false;
    wait.end = edge.waitForJob(wait.job, WAIT_S, (view) => {
      // A copy of the answer is none.
      if (wait.isOver || isTold) return;
      isTold = true;
      if (view !== null && isTerminal(view.state)) {
        wait.isOver = true;
        this.#holdSoon(view, beganAtMs);
      } else timeline.after(view === null ? AGAIN_MS : 1, () => this.#again(wait));
    });
  }

  #holdSoon({ id, endedAt }: JobView, beganAtMs: number): void {
    const { timeline, broker, checks } = this.#world;
    const lateMs = broker.now() - (endedAt ?? 0);
    const endedAtMs = timeline.nowMs - lateMs;
    if (!this.#world.isCalm || endedAtMs < beganAtMs + SOON_MS) return;
    checks.hold("told-soon", lateMs <= SOON_MS, () => `the end of ${id} is told ${lateMs} ms late to who waits for it`);
  }
}

interface Wait {
  job: string;
  isOver: boolean;
  end: () => void;
}

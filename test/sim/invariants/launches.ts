/** Tasks of frameworks, each by the id that its framework gave it, whatever Clusters made of it. */
import type { TaskStatus } from "../../../src/model/framework.ts";
import type { SimProcess } from "../world/machine.ts";
import type { World } from "../world/world.ts";

export class Launches {
  readonly #world: World;
  readonly #alive = new Map<string, Set<SimProcess>>();
  /** of which their framework was told that they ended for good, and how */
  readonly #over = new Map<string, TaskStatus["state"]>();

  constructor(world: World) {
    this.#world = world;
  }

  started(process: SimProcess): void {
    const name = launchedAs(process);
    if (name === null) return;
    const alive = this.#aliveOf(name);
    const other = [...alive].find((one) => !this.#world.watch.mayBeDoubled(one));
    this.#world.checks.hold(
      "at-most-one",
      other === undefined,
      () => `${process.key} starts on ${process.machine} for ${name} while ${other?.key} lives on ${other?.machine}`,
    );
    this.#world.checks.hold(
      "ends-told-rightly",
      !this.#over.has(name),
      () => `${process.key} starts on ${process.machine}, and ${name} was told to be ${this.#over.get(name)}`,
    );
    alive.add(process);
  }

  ended(process: SimProcess): void {
    const name = launchedAs(process);
    if (name !== null) this.#alive.get(name)?.delete(process);
  }

  /** What its framework hears is never taken back. */
  toldOver(framework: string, { taskId, state, reason }: TaskStatus): void {
    const name = `${framework} ${taskId}`;
    const process = [...this.#aliveOf(name)].find((one) => !this.#world.watch.mayBeDoubled(one));
    this.#world.checks.hold(
      "ends-told-rightly",
      process === undefined,
      () => `${name} is told to be ${state} (${reason}) while ${process?.key} lives on ${process?.machine}`,
    );
    this.#over.set(name, state);
  }

  isAlive(framework: string, taskId: string): boolean {
    return this.#aliveOf(`${framework} ${taskId}`).size > 0;
  }

  #aliveOf(name: string): Set<SimProcess> {
    const alive = this.#alive.get(name) ?? new Set();
    this.#alive.set(name, alive);
    return alive;
  }
}

/** @returns what its framework calls it; null: no framework launched it */
export function launchedAs({ template }: SimProcess): string | null {
  const { MESOS_FRAMEWORK_ID: framework, MESOS_TASK_ID: taskId } = template.env;
  return framework === undefined || taskId === undefined ? null : `${framework} ${taskId}`;
}

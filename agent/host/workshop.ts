/** What runs attempts on this machine and ends them: cgroups, the guard, and the drivers. */
import { join } from "node:path";
import type { DriverName } from "../../src/model/driver.ts";
import type { AgentEvent, JournalRecord } from "../core/types.ts";
import { DockerDriver } from "./docker/driver.ts";
import { findSocket } from "./docker/socket.ts";
import { type Driver, type DriverEvents, Drivers } from "./driver.ts";
import { FetchingDriver } from "./fetch/driver.ts";
import { folderHash } from "./folders.ts";
import { deadlineOf } from "./guard/deadlines.ts";
import { Guard } from "./guard/guard.ts";
import type { Identity } from "./identity.ts";
import type { Log } from "./log.ts";
import type { AgentOptions } from "./options.ts";
import { Cgroups, openCgroups } from "./process/cgroups.ts";
import { ProcessDriver } from "./process/driver.ts";
import type { User } from "./process/user.ts";
import { sandboxPlan } from "./sandbox/plan.ts";

export interface WorkshopOptions {
  options: AgentOptions;
  identity: Identity;
  user: User;
  boot: string;
  /** folder of the attempts */
  tasks: string;
  /** folder that does not outlive the boot */
  run: string;
  /** of the machine */
  gpus: number;
  records: readonly JournalRecord[];
  events: DriverEvents;
  log: Log;
}

export class Workshop {
  readonly cgroups: Cgroups | null;
  /** how attempts are kept apart, or why only by process group */
  readonly isolation: string;
  readonly guard: Guard;
  readonly driver: Drivers;
  readonly #all: ReadonlyMap<DriverName, Driver>;
  readonly #log: Log;
  /** by driver, what was last said of it */
  readonly #said = new Map<DriverName, string>();

  private constructor(
    cgroups: Cgroups | { missing: string },
    guard: Guard,
    all: ReadonlyMap<DriverName, Driver>,
    { records, events, log }: WorkshopOptions,
  ) {
    this.cgroups = cgroups instanceof Cgroups ? cgroups : null;
    this.isolation = cgroups instanceof Cgroups ? "cgroup" : `process group only: ${cgroups.missing}`;
    this.guard = guard;
    this.#all = all;
    this.driver = new Drivers(all, events, driversOf(records));
    this.#log = log;
  }

  /** @throws when this machine can't run attempts */
  static open(options: WorkshopOptions): Workshop {
    const { options: said, identity, user, boot, tasks, run, gpus, events, log } = options;
    const data = folderHash(said.data);
    const opened = openCgroups(data, user, said.limits);
    if (!(opened instanceof Cgroups))
      log("warn", `no cgroups (${opened.missing}): a task that leaves its process group is not seen`);
    const cgroups = opened instanceof Cgroups ? opened : null;
    const guard = new Guard({ run, tasks, cgroups, uid: user.uid, boot, log });
    // one that lives is seen now; one that has to come up first keeps tasks from starting
    guard.check();
    const hidesGpus = gpus > 0 || (said.resources.gpus ?? 0) > 0;
    const shared = { tasks, user, boot, place: identity, hidesGpus, log, ...events };
    const plan = sandboxPlan({ ...shared, cgroups, hidden: [said.data, run], trial: join(run, "trial") });
    const fetching = { ...shared, fetch: { ...said.fetch, caFile: said.caFile, environment: process.env } };
    const plain = new Map<DriverName, Driver>([
      ["process", new ProcessDriver({ ...shared, cgroups })],
      ["sandbox", new ProcessDriver({ ...shared, cgroups, plan })],
      [
        "docker",
        new DockerDriver({
          ...shared,
          socket: () => findSocket(said.dockerHost, process.env),
          data,
          nvidia: gpus > 0,
          limits: said.limits,
          volumes: said.volumes,
        }),
      ],
    ]);
    const all = new Map([...plain].map(([name, driver]) => [name, new FetchingDriver(driver, fetching)]));
    return new Workshop(opened, guard, all, options);
  }

  /** Those that work now. What is news is said; of one that was asked for by name also why it does not. */
  async workingDrivers(named: readonly DriverName[] | null): Promise<DriverName[]> {
    const probed = [...this.#all].map(async ([name, driver]) => ({ name, ...(await driver.probe()) }));
    const found = await Promise.all(probed);
    for (const { name, healthy, detail } of found) {
      const text = healthy ? `driver ${name}: ${detail}` : `driver ${name} does not work here: ${detail}`;
      if (this.#said.get(name) === text || (!healthy && !named?.includes(name) && !this.#said.has(name))) continue;
      this.#said.set(name, text);
      this.#log(healthy ? "info" : "warn", text);
    }
    return found.filter(({ healthy }) => healthy).map(({ name }) => name);
  }

  /** What became of every attempt that the journal knows and that has no end in it. */
  async recover(boot: string, open: ReadonlyMap<string, string>): Promise<Extract<AgentEvent, { type: "recovered" }>> {
    const attempts: Extract<AgentEvent, { type: "recovered" }>["attempts"] = [];
    for (const [key, acceptedIn] of open) {
      attempts.push({
        key,
        found: acceptedIn === boot ? await this.driver.recover(key) : { is: "other-boot" },
        deadlineMs: deadlineOf(this.guard.entries, key),
      });
    }
    return { type: "recovered", attempts };
  }
}

/** By key, with what each attempt was started. */
const driversOf = (records: readonly JournalRecord[]): [string, DriverName][] =>
  records.flatMap((record) => (record.type === "accept" ? [[record.key, record.template.driver]] : []));

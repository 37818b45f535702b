/** Whatever lives by the rows of the Clusters is charged to its role by the Broker, whatever is under way between them. */
import type { Broker } from "../../../src/broker/broker.ts";
import type { Template } from "../../../src/model/job.ts";
import { add, formatResources, type Resources } from "../../../src/model/resources.ts";
import { isWithin } from "../../../src/model/role.ts";
import type { RoleView } from "../../../src/model/views.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";

export function checkCharged(world: World): void {
  const live = liveByRole(world);
  const roles = world.broker.ask("roles", {}) as RoleView[];
  for (const { name, charged } of roles) {
    let lives: Resources = {};
    for (const [role, amounts] of live) if (isWithin(role, name)) lives = add(lives, amounts);
    world.checks.hold(
      "charged-whole",
      Object.entries(lives).every(([resource, amount]) => amount <= (charged[resource] ?? 0)),
      () => `role ${name} is charged ${formatResources(charged)}, and has ${formatResources(lives)}`,
    );
  }
}

/** So are the tasks of a job in each cluster: looked at whenever one is handed out, as what is told of them is under way. */
export function checkChargedTasks({ broker, checks }: World, { name, home }: SimObject, job: string): void {
  const known = broker.troubles.spare(() => (broker.home.object as Broker).inspect(job));
  if (known === null) return;
  const charged = known.charged.get(name) ?? 0;
  const [row] = home.query(LIVE_OF_JOB, job);
  const live = Number(row?.count ?? 0);
  checks.hold(
    "charged-whole",
    live <= charged,
    () => `${live} tasks of ${job} live in ${name}, ${charged} are charged`,
  );
}

/** Newest attempts of jobs; an earlier one that runs beside is counted nowhere. */
function liveByRole({ clusters }: World): Map<string, Resources> {
  const live = new Map<string, Resources>();
  for (const { home } of clusters) {
    for (const { template, count } of home.query(LIVE)) {
      const { role, resources } = JSON.parse(String(template)) as Template;
      live.set(role, add(live.get(role) ?? {}, resources, Number(count)));
    }
  }
  return live;
}

const LIVE_OF_JOB = `
  SELECT count(*) AS count FROM task WHERE job = ? AND state IN ('assigned', 'running', 'stopping')`;
const LIVE = `
  SELECT g.template, count(*) AS count FROM task t JOIN "grant" g ON g.job = t.job
    WHERE t.state IN ('assigned', 'running', 'stopping') AND g.launched IS NULL GROUP BY t.job`;

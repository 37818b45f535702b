/** What roles have and are promised, by the rows of the Broker and the Clusters, and who waits within that. */
import { jobSpecSchema, type Template, templateOf } from "../../../src/model/job.ts";
import { add, type Resources } from "../../../src/model/resources.ts";
import { isWithin, lineage, type RolePolicy } from "../../../src/model/role.ts";
import type { Plan } from "../people/person.ts";
import type { World } from "../world/world.ts";
import { type Lost, lostOf } from "./lost.ts";

/** A live attempt, as its Cluster knows it. */
export interface Attempt {
  cluster: string;
  node: string;
  partition: string;
  role: string;
  resources: Resources;
  /** it may be stopped by itself for others */
  isSingle: boolean;
  /** its gang is charged whole until the last of it has ended */
  isOfGang: boolean;
}

/** A task that waits within what its role, or one above it, is promised. */
export interface Waiter {
  /** whose promise it is */
  role: string;
  job: string;
  demand: Resources;
  /** null: any */
  clusters: readonly string[] | null;
  has: Resources;
  guarantee: Resources;
  /** to tasks of the role, until now */
  handedOut: number;
}

interface WaitingJob {
  plan: Plan;
  template: Template;
  clusters: readonly string[] | null;
}

export class Promised {
  readonly attempts: Attempt[];
  readonly #world: World;
  readonly #lost: readonly Lost[];
  readonly #policies: ReadonlyMap<string, RolePolicy>;

  constructor(world: World) {
    this.#world = world;
    const roles = world.broker.home.query("SELECT name, policy FROM role");
    this.#policies = new Map(roles.map(({ name, policy }) => [String(name), JSON.parse(String(policy)) as RolePolicy]));
    this.#lost = world.clusters.flatMap(lostOf);
    const templates = new Map<string, Template>();
    const templateIn = (text: string): Template => {
      const known = templates.get(text) ?? (JSON.parse(text) as Template);
      templates.set(text, known);
      return known;
    };
    this.attempts = world.clusters.flatMap(({ name, home }) =>
      home.query(LIVE).map(({ node, partition, template, isSingle }): Attempt => {
        const { role, resources, gang } = templateIn(String(template));
        const place = { cluster: name, node: String(node), partition: String(partition) };
        return { ...place, role, resources, isSingle: isSingle === 1 && gang === null, isOfGang: gang !== null };
      }),
    );
  }

  /** To all roles. */
  inAll(): Resources {
    return [...this.#policies.values()].reduce<Resources>((all, { guarantee }) => add(all, guarantee), {});
  }

  /** By role at most one: of each that is promised something, the first that is within it. */
  waiting(): Waiter[] {
    // Else some of what is idle may be kept from others.
    if (!this.areOpen) return [];
    const jobs = this.#waitingJobs();
    return [...this.#policies].flatMap(([role, { guarantee }]) =>
      isEmpty(guarantee) ? [] : (this.#waiterOf(role, guarantee, jobs) ?? []),
    );
  }

  /** Roles that want more, and have all that they are promised. */
  met(): string[] {
    const jobs = this.#waitingJobs();
    return [...this.#policies].flatMap(([role, { guarantee }]) => {
      const has = this.has(role);
      const asked = jobs
        .map(({ template }) => template)
        .filter((template) => isWithin(template.role, role) && isNamed(guarantee, template));
      const isMet = asked.every(({ resources }) => !isBounded(add(has, resources), resources, guarantee));
      return asked.length > 0 && isMet ? [role] : [];
    });
  }

  #waiterOf(role: string, guarantee: Resources, jobs: readonly WaitingJob[]): Waiter | null {
    const own = jobs.filter(({ template }) => isWithin(template.role, role));
    // Others of the role may have a right to the same, and wait for what there is not; frameworks choose for themselves.
    if (!own.every(isPlain) || this.#hasFrameworks(role)) return null;
    // What a limit leaves is kept for who needs more than that.
    if (!own.every(({ template }) => this.#isWithinLimits(template))) return null;
    const has = this.has(role);
    const first = own.find(({ template }) => this.#mayStart(template, has, guarantee));
    if (!first) return null;
    const { plan, template, clusters } = first;
    const handedOut = this.#handedOut(role);
    return { role, job: plan.id, demand: template.resources, clusters, has, guarantee, handedOut };
  }

  /** One more of it stays within the promise, and within all limits. */
  #mayStart(template: Template, has: Resources, guarantee: Resources): boolean {
    const { resources } = template;
    return (
      isNamed(guarantee, template) &&
      isBounded(add(has, resources), resources, guarantee) &&
      this.#isWithinLimits(template)
    );
  }

  #isWithinLimits({ role, resources }: Template): boolean {
    return lineage(role).every((above) => {
      const { limit = {} } = this.#policies.get(above) ?? {};
      return isEmpty(limit) || (!this.#hasGangs(above) && isBounded(add(this.has(above), resources), resources, limit));
    });
  }

  #hasGangs(role: string): boolean {
    return this.attempts.some((attempt) => attempt.isOfGang && isWithin(attempt.role, role));
  }

  /** In it, or beside it under a common limit. */
  #hasFrameworks(role: string): boolean {
    const bounds = [role, ...lineage(role).filter((above) => !isEmpty(this.#policies.get(above)?.limit ?? {}))];
    return this.#world.schedulers.some(
      ({ plan, isTornDown }) => !isTornDown && bounds.some((above) => isWithin(plan.role, above)),
    );
  }

  #handedOut(role: string): number {
    let n = 0;
    for (const { plan } of this.#world.people)
      if (isWithin(String(plan.spec.role), role))
        for (let index = 0; index < plan.count; index++)
          n += this.#world.watch.stories.get(`${plan.id}.${index}`)?.handedTo.size ?? 0;
    return n;
  }

  #waitingJobs(): WaitingJob[] {
    return this.#world.people.flatMap(({ plan, acknowledged, done }) => {
      if (!acknowledged || done || this.#waits(plan) <= 0) return [];
      const spec = jobSpecSchema.parse(plan.spec);
      return [{ plan, template: templateOf(spec), clusters: spec.clusters ?? null }];
    });
  }

  /** Tasks that are neither over nor live, nor may be. */
  #waits({ id, count }: Plan): number {
    const { broker, clusters } = this.#world;
    const [row] = broker.home.query("SELECT state FROM job WHERE id = ?", id);
    if (row?.state !== "waiting" && row?.state !== "running") return 0;
    let left = count - this.#lost.reduce((n, { job, tasks }) => n + (job === id ? tasks : 0), 0);
    for (const { home } of clusters)
      left -= Number(
        home.query("SELECT count(*) AS n FROM task WHERE job = ? AND state NOT IN ('waiting', 'returned')", id)[0]?.n,
      );
    return left;
  }

  /** All that the role and those under it have, or may have. */
  has(role: string): Resources {
    let sum = this.hasKnown(role, () => true);
    for (const { template, tasks } of this.#lost)
      if (isWithin(template.role, role)) sum = add(sum, template.resources, tasks);
    return sum;
  }

  /** Of what is known to be live that what `counts`. */
  hasKnown(role: string, counts: (attempt: Attempt) => boolean): Resources {
    let sum: Resources = {};
    for (const attempt of this.attempts)
      if (isWithin(attempt.role, role) && counts(attempt)) sum = add(sum, attempt.resources);
    return sum;
  }

  limitOf(role: string): Resources {
    return this.#policies.get(role)?.limit ?? {};
  }

  /** Nobody keeps what is idle from others, or may not borrow it. */
  get areOpen(): boolean {
    return [...this.#policies.values()].every(({ lend, borrow }) => isEmpty(lend) && isEmpty(borrow));
  }

  /** To the role and those under it. */
  of(role: string): Resources {
    let sum: Resources = {};
    for (const [name, { guarantee }] of this.#policies) if (isWithin(name, role)) sum = add(sum, guarantee);
    return sum;
  }
}

const isEmpty = (amounts: object): boolean => Object.keys(amounts).length === 0;

const isPlain = ({ template: { constraints, apart, gang } }: WaitingJob): boolean =>
  constraints.length + apart.length === 0 && gang === null;

const isNamed = (guarantee: Resources, { resources }: Template): boolean =>
  Object.keys(resources).some((name) => (guarantee[name] ?? 0) > 0);

/** Of what is asked for. */
const isBounded = (used: Resources, asked: Resources, most: Resources): boolean =>
  Object.entries(most).every(([name, bound]) => (asked[name] ?? 0) === 0 || (used[name] ?? 0) <= bound);

/** Newest attempts, and those that go on while another has begun. */
const LIVE = `
  SELECT t.node AS node, t.partition AS partition, g.template AS template,
         t.state <> 'stopping' AND t.leaving IS NULL AND g.launched IS NULL AS isSingle
    FROM task t JOIN "grant" g ON g.job = t.job WHERE t.state IN ('assigned', 'running', 'stopping')
  UNION ALL
  SELECT t.leaving ->> '$.node', t.leaving ->> '$.partition', g.template, 0
    FROM task t JOIN "grant" g ON g.job = t.job WHERE t.leaving IS NOT NULL`;

/** A Framework object as the Broker and Clusters see it: says what it wants, keeps what it is told. */
import type { InverseOffer, LaunchTask, Offer, Operation, Piece } from "../../src/model/framework.ts";
import { jobSpecSchema, templateOf } from "../../src/model/job.ts";
import type {
  AcceptAnswer,
  AcceptRequest,
  FrameworkLevel,
  FrameworkWish,
  TaskLevel,
  Tell,
} from "../../src/protocol/frameworks.ts";
import type { PlayedLeague } from "./playedLeague.ts";

/** What an active framework says that wants offers for these roles. */
export const activeLevel = (id: string, roles: readonly string[]): FrameworkLevel => ({
  id,
  rev: 1,
  state: "active",
  name: id,
  user: "root",
  principal: null,
  checkpoint: false,
  capabilities: ["MULTI_ROLE"],
  roles: roles.map((role) => wish(role)),
});

export class PlayedFramework {
  readonly id: string;
  readonly offers = new Map<string, Offer>();
  readonly rescinded: string[] = [];
  /** as told last, by task */
  readonly tasks = new Map<string, TaskLevel>();
  /** states of each task in the order that they were told */
  readonly told: string[] = [];
  readonly lostAgents: string[] = [];
  readonly inverseOffers: InverseOffer[] = [];
  /** ids of those that are neither answered nor rescinded */
  readonly heldInverse = new Set<string>();
  made = 0;
  /** nothing that it is told reaches it */
  isDown = false;
  level: FrameworkLevel;
  readonly #league: PlayedLeague;
  #accepts = 0;
  /** of each cluster that told something */
  readonly incarnations = new Map<string, number>();

  constructor(league: PlayedLeague, id: string, roles: readonly string[], rest: Partial<FrameworkLevel> = {}) {
    this.#league = league;
    this.id = id;
    this.level = { ...activeLevel(id, roles), ...rest };
    league.play(id, (method, args) => this.#answer(method, args));
    this.say();
  }

  say(rest: Partial<FrameworkLevel> = {}): void {
    this.level = { ...this.level, ...rest, rev: this.level.rev + 1 };
    this.#league.broker.call("framework", this.level);
    if (this.level.state !== "active") this.offers.clear();
    this.#league.deliver();
  }

  wish(role: string, rest: Partial<FrameworkWish>): void {
    this.say({ roles: this.level.roles.map((one) => (one.name === role ? { ...one, ...rest } : one)) });
  }

  #answer(method: string, args: unknown): unknown {
    if (this.isDown) return undefined;
    if (method !== "tell") return {};
    const tell = args as Tell;
    this.incarnations.set(tell.cluster, tell.incarnation);
    for (const offer of tell.offers) {
      this.offers.set(offer.id, offer);
      this.made += 1;
    }
    for (const id of tell.rescinded) if (this.offers.delete(id)) this.rescinded.push(id);
    for (const task of tell.tasks) {
      this.tasks.set(task.taskId, task);
      this.told.push(`${task.taskId} ${task.state}`);
    }
    this.lostAgents.push(...tell.lostAgents);
    this.inverseOffers.push(...tell.inverseOffers);
    for (const { id } of tell.inverseOffers) this.heldInverse.add(id);
    for (const id of tell.rescindedInverse) this.heldInverse.delete(id);
    return { isKnown: this.level.state !== "removed", isActive: this.level.state === "active" };
  }

  /** The offers of an agent, or all. */
  held(cluster?: string): Offer[] {
    return [...this.offers.values()].filter(({ id }) => cluster === undefined || id.startsWith(`${cluster}.`));
  }

  accept(
    offers: readonly Offer[],
    operations: Operation[],
    refuseMs = 5_000,
    id = `a${++this.#accepts}`,
  ): AcceptAnswer {
    const cluster = offers[0]?.id.split(".")[0] ?? "";
    for (const offer of offers) this.offers.delete(offer.id);
    return this.ask({
      framework: this.id,
      id,
      incarnation: this.incarnations.get(cluster) ?? 0,
      offers: offers.map((offer) => offer.id),
      operations,
      refuseMs,
    });
  }

  /** As it is, whatever is held. */
  ask(request: AcceptRequest): AcceptAnswer {
    const cluster = request.offers[0]?.split(".")[0] ?? "";
    const answer = this.#league.at(cluster).call("accept", request) as AcceptAnswer;
    this.#league.deliver();
    return answer;
  }

  /** @param refuseMs null: gives them back */
  decline(offers: readonly Offer[], refuseMs: number | null = 5_000): void {
    for (const { id } of offers) {
      this.offers.delete(id);
      this.#league.at(id.split(".")[0] ?? "").call("decline", { framework: this.id, offers: [id], refuseMs });
    }
    this.#league.deliver();
  }

  answerInverse(cluster: string): void {
    const inverseOffers = [...this.heldInverse];
    this.heldInverse.clear();
    const request = { framework: this.id, inverseOffers, isAccepted: false, refuseMs: 0 };
    this.#league.at(cluster).call("answerInverse", request);
    this.#league.deliver();
  }

  kill(cluster: string, taskId: string): void {
    this.#league.at(cluster).call("killTask", { framework: this.id, taskId, graceMs: null });
    this.#league.deliver();
  }
}

export const wish = (role: string, rest: Partial<FrameworkWish> = {}): FrameworkWish => ({
  name: role,
  role,
  suppressed: false,
  revived: 0,
  minAllocatable: null,
  constraints: null,
  ...rest,
});

const { resources: _, role: __, ports: ___, ...TEMPLATE } = templateOf(jobSpecSchema.parse({ command: "true" }));

export const piece = (amounts: Piece["amounts"], rest: Partial<Piece> = {}): Piece => ({
  reservation: null,
  amounts,
  ports: [],
  ...rest,
});

export const launchTask = (
  offer: Offer,
  taskId: string,
  amounts: Piece["amounts"],
  rest: Partial<LaunchTask> = {},
): LaunchTask => ({
  taskId,
  name: taskId,
  agentId: offer.agent.id,
  pieces: [piece(amounts)],
  template: TEMPLATE,
  executorId: null,
  error: null,
  told: { labels: [], discovery: null, container: null },
  ...rest,
});

export const launch = (...tasks: LaunchTask[]): Operation => ({ id: null, type: "LAUNCH", tasks });

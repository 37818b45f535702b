/** Sees everything that leaves an object and everything that lives on a machine, and holds the invariants against it. */
import type { Deadline, Exit } from "../../../agent/core/types.ts";
import { deadlineOf } from "../../../agent/host/guard/deadlines.ts";
import type { Held, NodeClaims } from "../../../src/cluster/methods.ts";
import type { Leaving } from "../../../src/cluster/schema.ts";
import { type AttemptKey, handoutOf, parseAttemptKey, parseTaskId } from "../../../src/model/ids.ts";
import { jobSpecSchema, templateOf } from "../../../src/model/job.ts";
import { formatResources, subtract } from "../../../src/model/resources.ts";
import { isTerminal } from "../../../src/model/states.ts";
import type { JobView, TaskView } from "../../../src/model/views.ts";
import type { Row } from "../../../src/platform/seam.ts";
import type { PollReply } from "../../../src/protocol/agent.ts";
import type { Grant, GrantMessage, Report, ReportAnswer } from "../../../src/protocol/levels.ts";
import { checkGang } from "../people/gangs.ts";
import type { AgentHost } from "../world/agentHost.ts";
import { ROUND_MS } from "../world/guard.ts";
import { type Machine, MOST_GUARD_START_MS, type SimProcess } from "../world/machine.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";
import { endsOf, supplyOf } from "./brokerRows.ts";
import { checkChargedTasks } from "./charged.ts";
import { checkDevices } from "./devices.ts";
import { checkPlace } from "./placed.ts";

/** All that happened to one task, over all nodes. */
export interface Story {
  alive: Set<SimProcess>;
  newestEpoch: number;
  /** epoch → node it was handed to */
  handedTo: Map<number, string>;
  /** epochs whose process ended by itself with code 0 */
  completions: Set<number>;
  /** of those, the ones that nobody had told to stop */
  undisturbed: Set<number>;
  started: Set<number>;
}

interface Allowed {
  untilMs: number;
  machine: Machine;
  boot: string;
}

/** What a Cluster has said that must not be taken back. */
interface Said {
  acked: ReadonlySet<string>;
  terminal: ReadonlyMap<string, string>;
}

const LOST_ATTEMPT = `SELECT 1 FROM attempt WHERE job = ? AND "index" = ? AND epoch = ? AND state = 'lost'`;
const LIVE = new Set(["assigned", "running", "stopping"]);
/** Virtual time is whole milliseconds, a machine's clock is not. */
const ROUNDING_MS = 2;
/** Where short tasks come and go, what fits changes with each, and is tried again. */
const MOST_GRANTS_A_MINUTE = 600;
/**
 * The residue of the design: after a resume what is past its deadline lives until the next round of the guard, or until
 * the first of the guard that its agent starts in its place, since that one's beat is old.
 */
const RESIDUE_MS = ROUND_MS + MOST_GUARD_START_MS + ROUNDING_MS;
/** Within this time an agent that runs sees that its guard is dead, and that one that is stopped does not beat. */
const SEEN_DEAD_MS = 1_100;
const SEEN_STOPPED_MS = 6_200;

export class Watch {
  readonly stories = new Map<string, Story>();
  readonly #world: World;
  /** attempt key → boot-time ms (of its machine) until which a reply allowed it to live */
  readonly #allowedUntil = new Map<string, Allowed>();
  readonly #rebuilt = new Set<string>();
  /** acked ends by cluster */
  readonly #acked = new Map<string, Set<string>>();
  /** `cluster task` → terminal state seen */
  readonly #terminal = new Map<string, string>();
  /** by job and cluster the newest gen that was told */
  readonly #gens = new Map<string, number>();
  /** task → newest epoch when the Broker was restored to before its end */
  readonly #undone = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  story(task: string): Story {
    let story = this.stories.get(task);
    if (!story) {
      story = {
        alive: new Set(),
        newestEpoch: -1,
        handedTo: new Map(),
        completions: new Set(),
        undisturbed: new Set(),
        started: new Set(),
      };
      this.stories.set(task, story);
    }
    return story;
  }

  // Objects.

  answered(object: SimObject, method: string, args: unknown, value: unknown): void {
    if (method === "submit") this.#world.plans.submitted(args as { id: string }, value as JobView);
    if (method === "grant") this.#granted(object.name, (args as GrantMessage).grants);
    if (method === "report") this.#granted((args as Report).cluster, (value as ReportAnswer).grants);
    if (object.ref.kind === "shelf") this.#world.outputs.answered(method, args);
    if (object.ref.kind !== "cluster" || method !== "poll") return;
    const { claims } = args as { claims: NodeClaims };
    this.#replyLeaves(object, value as PollReply, claims.node);
  }

  sent(object: SimObject, message: unknown): void {
    if (object.ref.kind !== "cluster") return;
    const { reply } = message as Held;
    if (reply) this.#replyLeaves(object, reply, null);
  }

  /** A Broker that grants what comes back at once grants it for ever. */
  #granted(cluster: string, grants: readonly Pick<Grant, "job" | "gen">[]): void {
    for (const { job, gen } of grants) {
      const who = `grants of ${job} to ${cluster}`;
      if (gen <= (this.#gens.get(who) ?? 0)) continue;
      this.#gens.set(who, gen);
      this.#world.checks.spin(who, this.#world.timeline.nowMs, MOST_GRANTS_A_MINUTE);
    }
  }

  /** Just committed, on its way to a node. */
  #replyLeaves(cluster: SimObject, reply: PollReply, node: string | null): void {
    this.#world.reclaims.replyLeaves(cluster, reply);
    this.#world.drills.replyLeaves(cluster);
    const { checks } = this.#world;
    const jobs = new Set<string>();
    for (const { task, epoch } of reply.assignments) {
      const story = this.story(task);
      const to = `${cluster.name} ${node ?? ""}`;
      if (!story.handedTo.has(epoch)) {
        jobs.add(task.slice(0, task.lastIndexOf(".")));
        checks.hold(
          "epochs-rise",
          epoch > story.newestEpoch,
          () => `${task} is handed out as ${epoch} by ${to} after ${story.newestEpoch}`,
        );
        if (this.#world.isAtMostOne(task)) {
          this.#handedOutAgain(task, story.newestEpoch);
          this.#holdLapsed(task, story.newestEpoch);
        }
        story.newestEpoch = epoch;
        story.handedTo.set(epoch, to);
        checkGang(this.#world, cluster, task, epoch);
        this.#world.trace(() => `${cluster.name} hands out ${task}@${epoch} ${node ?? ""}`);
      }
    }
    for (const job of jobs) checkChargedTasks(this.#world, cluster, job);
    this.#world.drains.replyLeaves(cluster, reply);
    for (const uuid of reply.acked) this.#ack(cluster, uuid);
  }

  #handedOutAgain(task: string, before: number): void {
    const spec = this.#world.planOf(task)?.plan.spec;
    const { lostAfterMs } = spec ? templateOf(jobSpecSchema.parse(spec)) : { lostAfterMs: null };
    if (lostAfterMs !== null) this.#world.massCuts.handedOutAgain(`${task}@${before}`, lostAfterMs);
  }

  /** Given up without having been told its end: whatever became of it, its node may not let it live any more. */
  #holdLapsed(task: string, epoch: number): void {
    const id = parseTaskId(task);
    const key = `${task}@${epoch}`;
    const given = this.#allowedUntil.get(key);
    if (!id || !given || !Number.isFinite(given.untilMs) || given.machine.boot !== given.boot) return;
    const isLost = this.#world.clusters.some(
      ({ home }) => home.query(LOST_ATTEMPT, id.job, id.index, epoch).length > 0,
    );
    const nowMs = given.machine.now();
    this.#world.checks.hold(
      "lost-when-over",
      !isLost || nowMs >= given.untilMs,
      () => `${key} is given up at ${nowMs} of ${given.machine.name}, and may live until ${given.untilMs}`,
    );
  }

  #ack(cluster: SimObject, uuid: string): void {
    const key = uuid.slice(0, uuid.lastIndexOf(":"));
    const acked = this.#acked.get(cluster.name) ?? new Set();
    this.#acked.set(cluster.name, acked);
    if (acked.has(key)) return;
    acked.add(key);
    this.#inRows(cluster, key);
  }

  /** What the rows of a Cluster tell of an attempt: its end, or that it lives. */
  #rowsOf(
    { home }: SimObject,
    key: string,
  ): { row: Row | undefined; runs: Pick<Leaving, "node"> | Row | null; isKept: boolean } | null {
    const { task, epoch } = parseAttemptKey(key as AttemptKey);
    const id = parseTaskId(task);
    if (!id) return null;
    const [row] = home.query(
      'SELECT epoch, state, node, leaving FROM task WHERE job = ? AND "index" = ?',
      id.job,
      id.index,
    );
    const leaving = JSON.parse(String(row?.leaving ?? "null")) as Leaving | null;
    const runs = leaving?.epoch === epoch ? leaving : row?.epoch === epoch ? row : null;
    const kept = home.query(
      'SELECT state FROM attempt WHERE job = ? AND "index" = ? AND epoch = ?',
      id.job,
      id.index,
      epoch,
    );
    return { row, runs, isKept: kept.length > 0 || (row?.epoch === epoch && !LIVE.has(String(row.state))) };
  }

  #inRows(cluster: SimObject, key: string): void {
    const { checks } = this.#world;
    const { task, epoch } = parseAttemptKey(key as AttemptKey);
    const id = parseTaskId(task);
    const rows = this.#rowsOf(cluster, key);
    if (!id || !rows) return;
    const { row, runs, isKept } = rows;
    if (isKept) {
      checks.hold("acknowledged-kept", true, () => "");
    } else if (runs !== null) {
      // That a machine booted anew is only taken as the begin of a silence: a copied disk says the same.
      const marks = cluster.home.query("SELECT 1 FROM silence WHERE node = ?", runs.node ?? null);
      checks.hold(
        "acknowledged-kept",
        marks.length > 0,
        () => `${cluster.name} acked the end of ${key}: ${JSON.stringify(row)}`,
      );
    } else {
      // Rows were lost. Then an end may be acked once the Broker does not count on this hand-out any more.
      const waits = supplyOf(this.#world, id.job, cluster.name).some(
        ({ from, to, handout }) => from <= id.index && id.index < to && handout === handoutOf(epoch),
      );
      checks.hold(
        "acknowledged-kept",
        this.#rebuilt.has(cluster.name) && !waits,
        () => `${cluster.name} acked the end of ${key} and has ${JSON.stringify(row)}`,
      );
    }
  }

  /** A rebuilt object may know nothing of what it said before. */
  rebuilt(cluster: SimObject): void {
    this.#rebuilt.add(cluster.name);
    this.#acked.delete(cluster.name);
    for (const key of this.#terminal.keys()) if (key.startsWith(`${cluster.name} `)) this.#terminal.delete(key);
  }

  /** What its rows tell for good: that a silence began is forgotten with what had not ended. */
  saidBy(cluster: SimObject): Said {
    const { name } = cluster;
    const acked = [...(this.#acked.get(name) ?? [])].filter((key) => this.#rowsOf(cluster, key)?.isKept);
    const terminal = [...this.#terminal].filter(([key]) => key.startsWith(`${name} `));
    return { acked: new Set(acked), terminal: new Map(terminal) };
  }
  /**
   * The generation was raised, by which a Cluster forgets what had not ended.
   * @param said before that, or before the backup that its rows come from
   */
  restored(cluster: SimObject, said: Said): void {
    this.rebuilt(cluster);
    this.#acked.set(cluster.name, new Set(said.acked));
    for (const [key, state] of said.terminal) this.#terminal.set(key, state);
    // What it has handed out since the backup it does not know, nor that this is the newest.
    for (const [task, { newestEpoch, handedTo }] of this.stories) {
      const isIts = [...handedTo.values()].some((to) => to.startsWith(`${cluster.name} `));
      if (isIts && !said.terminal.has(`${cluster.name} ${task}`)) this.#undone.set(task, newestEpoch);
    }
  }
  /**
   * What it does not know to have ended is handed out again, also where it has ended; after an earlier restore it may
   * have been also what these rows tell to be over.
   */
  brokerRestored(): void {
    const isFirst = this.#world.restores.count === 1;
    for (const [task, { newestEpoch }] of this.stories) {
      const id = parseTaskId(task);
      if (id && (!isFirst || !endsOf(this.#world, id.job)(id.index))) this.#undone.set(task, newestEpoch);
    }
  }

  /** Everything acked is still there. */
  checkAcked(cluster: SimObject): void {
    for (const key of this.#acked.get(cluster.name) ?? []) this.#inRows(cluster, key);
  }

  /** A look at the tasks of a job in one cluster. */
  checkTasks(cluster: SimObject, job: string): TaskView[] {
    const { checks } = this.#world;
    const { items } = cluster.ask("tasks", { job, state: null, after: null, limit: 1000 }) as { items: TaskView[] };
    for (const view of items) {
      const key = `${cluster.name} ${view.id}`;
      const before = this.#terminal.get(key);
      if (before !== undefined) {
        checks.hold("terminal-final", view.state === before, () => `${key} was ${before} and is ${view.state}`);
      }
      if (!isTerminal(view.state)) continue;
      if (before === undefined) this.#terminal.set(key, view.state);
      if (view.state === "cancelled") continue;
      const forgiven = this.#undone.get(view.id) ?? -1;
      const deciding = [view.attempts.at(-1), ...view.attempts.filter(({ epoch }) => epoch <= forgiven)];
      const story = this.story(view.id);
      // Where rows were lost, what may run twice waits less long for what is newest than a node may be silent.
      const mayBeOlder = this.#rebuilt.has(cluster.name) && !this.#world.isAtMostOne(view.id);
      checks.hold(
        "decided-by-newest",
        deciding.some(
          (one) =>
            one !== undefined &&
            (one.epoch === story.newestEpoch || mayBeOlder || one.epoch <= forgiven) &&
            (view.state !== "succeeded" || (one.state === "succeeded" && story.completions.has(one.epoch))),
        ),
        () => `${key} is ${view.state}, its newest hand-out is ${story.newestEpoch}: ${JSON.stringify(view.attempts)}`,
      );
    }
    return items;
  }

  // Agents.

  replyArrives(agent: AgentHost, reply: PollReply): void {
    const { session, nonce = agent.state?.nonce, seq } = reply;
    const sentAtMs = agent.sentAt.get(`${session}/${seq}`);
    if (sentAtMs === undefined || session !== agent.state?.session || nonce !== agent.state.nonce) return;
    const allow = (key: string, stopAfterMs: number | null) => {
      const until = stopAfterMs === null ? Number.POSITIVE_INFINITY : sentAtMs + stopAfterMs;
      const { machine } = agent;
      const before = this.#allowedUntil.get(key);
      // Each boot has a clock of its own.
      const untilMs = before?.boot === machine.boot ? Math.max(until, before.untilMs) : until;
      this.#allowedUntil.set(key, { untilMs, machine, boot: machine.boot });
    };
    for (const key of reply.renews) {
      const attempt = agent.state?.attempts.get(key);
      if (attempt && attempt.phase !== "ended") allow(key, attempt.template.stopAfterMs);
    }
    for (const { task, epoch } of reply.assignments) {
      const template = reply.jobs[task.slice(0, task.lastIndexOf("."))];
      if (template) allow(`${task}@${epoch}`, template.stopAfterMs);
    }
  }

  /** 0: none has */
  #untilMs(key: string): number {
    return this.#allowedUntil.get(key)?.untilMs ?? 0;
  }

  /** A node has made an epoch of its own, and it is on disk. */
  goesOn(agent: AgentHost, { task, epoch }: { task: string; epoch: number }): void {
    const story = this.story(task);
    this.#world.checks.hold(
      "epochs-rise",
      !story.handedTo.has(epoch),
      () => `${agent.claims.node} goes on with ${task}@${epoch}, which ${story.handedTo.get(epoch)} was given`,
    );
    story.handedTo.set(epoch, agent.claims.node);
    story.newestEpoch = Math.max(story.newestEpoch, epoch);
    this.#world.trace(() => `${agent.claims.node} goes on with ${task}@${epoch}`);
  }

  deadlines(agent: AgentHost, deadlines: readonly Deadline[]): void {
    for (const deadline of deadlines) {
      const { key, deadlineMs } = deadline;
      const process = agent.machine.processes.get(key);
      if (deadlineMs === null || !process) continue;
      this.#world.times.deadline(process, deadline);
      const allowed = this.#untilMs(key);
      this.#world.checks.hold(
        "dead-by-deadline",
        deadlineMs <= allowed + ROUNDING_MS,
        () => `${agent.claims.node} lets ${key} live until ${deadlineMs}, its replies allow ${allowed}`,
      );
    }
  }

  // Machines.

  /** An agent is about to start an attempt: as far as it can know there is a guard. */
  starts({ claims, machine, runsSinceMs }: AgentHost): void {
    const { nowMs } = this.#world.timeline;
    const goneForMs = nowMs - Math.max(machine.guardGoneMs, machine.jumpedAtMs, runsSinceMs);
    this.#world.checks.hold(
      "dead-by-deadline",
      machine.isGuarded || goneForMs <= (machine.guard ? SEEN_STOPPED_MS : SEEN_DEAD_MS),
      () => `${claims.node} starts something ${goneForMs} ms after its guard was gone`,
    );
  }

  /** Whether it does anything: what is suspended does not run. */
  #runs({ host }: SimProcess): boolean {
    return !host.isFrozen;
  }

  /** It is past its deadline, and until a moment ago its machine was suspended. */
  #isResidue({ key, host, template }: SimProcess): boolean {
    return (
      template.stopAfterMs !== null &&
      this.#world.timeline.nowMs <= host.jumpedAtMs + RESIDUE_MS &&
      host.now() >= this.#untilMs(key)
    );
  }

  /** Whether another may live beside it. */
  mayBeDoubled(process: SimProcess): boolean {
    return !this.#runs(process) || this.#isResidue(process);
  }

  /** What was handed out again meanwhile is past its deadline, and is over with the guard's next round. */
  resumed(machine: Machine): void {
    for (const process of machine.processes.values()) this.#holdSingle(process);
    machine.after(RESIDUE_MS + 1, () => {
      for (const process of machine.processes.values()) this.#holdSingle(process);
    });
  }

  #holdSingle(process: SimProcess): void {
    if (!this.#world.isAtMostOne(process.task)) return;
    const others = [...this.story(process.task).alive].filter((other) => other !== process && this.#runs(other));
    this.#world.checks.hold(
      "at-most-one",
      this.mayBeDoubled(process) || others.every((other) => this.mayBeDoubled(other)),
      () => `${process.key} lives on ${process.machine} beside ${others.map(({ key }) => key)}`,
    );
  }

  processStarted(machine: Machine, process: SimProcess): void {
    const { checks } = this.#world;
    const story = this.story(process.task);
    const deadlineMs = deadlineOf(machine.guardEntries, process.key);
    this.#world.trace(() => `${machine.name} starts ${process.key}, deadline ${deadlineMs} (now ${machine.now()})`);
    const other = [...story.alive].find((one) => !this.mayBeDoubled(one));
    if (this.#world.isAtMostOne(process.task)) {
      checks.hold(
        "at-most-one",
        other === undefined,
        () => `${process.key} starts on ${machine.name} while ${other?.key} lives on ${other?.machine}`,
      );
    }
    const allowed = this.#untilMs(process.key);
    checks.hold(
      "dead-by-deadline",
      process.template.stopAfterMs === null || (deadlineMs !== null && deadlineMs <= allowed + ROUNDING_MS),
      () =>
        `${process.key} starts on ${machine.name}, the guard lets it live until ${deadlineMs}, its replies ${allowed}`,
    );
    checks.hold(
      "epochs-rise",
      !story.started.has(process.epoch),
      () => `${process.key} starts on ${machine.name} and ran before`,
    );
    story.started.add(process.epoch);
    this.#world.massCuts.started(process.key, machine.name);
    story.alive.add(process);
    this.#world.launches.started(process);
    if (this.#world.mood.gentle)
      checks.hold(
        "two-copies",
        story.alive.size <= 2,
        () => `${process.key} starts on ${machine.name}, the third of it`,
      );
    this.#world.limits.started(this.#world.clusterOfMachine(machine), process);
    checkPlace(this.#world, this.#world.clusterOfMachine(machine), machine, process);
    checkDevices(this.#world, machine, process);
    const same = [...machine.processes.values()].find(
      (other) => other !== process && other.ports.some((port) => process.ports.includes(port)),
    );
    checks.hold(
      "capacity",
      same === undefined,
      () => `${process.key} and ${same?.key} have the same port of ${machine.name}`,
    );
    const free = machine.free();
    checks.hold(
      "capacity",
      Object.values(free).every((amount) => amount >= 0),
      () => {
        const keys = [...machine.processes.keys()].join(", ");
        return `${machine.name} has ${formatResources(subtract(machine.capacity, free))} in use by ${keys}`;
      },
    );
  }

  /** Only its own end says how an attempt ended, and until now it had none to tell; or its node was silent for too long. */
  #holdUndecided(machine: Machine, { task, epoch, key }: SimProcess): void {
    const id = parseTaskId(task);
    if (!id) return;
    const { home, name } = this.#world.clusterOfMachine(machine);
    const rows = home.query(
      `SELECT state FROM task WHERE job = ? AND "index" = ? AND epoch = ? AND state IN ('succeeded', 'failed')
         AND reason IS NOT 'agent-lost'
       UNION SELECT state FROM attempt WHERE job = ? AND "index" = ? AND epoch = ? AND state <> 'lost'`,
      id.job,
      id.index,
      epoch,
      id.job,
      id.index,
      epoch,
    );
    this.#world.checks.hold(
      "decided-by-newest",
      rows.length === 0,
      () => `${key} ends on ${machine.name}, and ${name} had it ${rows.map(({ state }) => state)} before`,
    );
  }

  /** An end is told by its node, placed anew or reported by its cluster, and heard by the Broker. */
  #news(machine: Machine, { task }: SimProcess): void {
    const { checks, timeline, broker, clusters } = this.#world;
    for (const { name } of clusters)
      checks.news(`grants of ${task.slice(0, task.lastIndexOf("."))} to ${name}`, timeline.nowMs);
    checks.news(`polls of ${machine.name}`, timeline.nowMs);
    for (const { name } of [this.#world.clusterOfMachine(machine), broker])
      checks.news(`alarms of ${name}`, timeline.nowMs);
  }

  processEnded(machine: Machine, process: SimProcess, exit: Exit | undefined): void {
    const story = this.story(process.task);
    story.alive.delete(process);
    this.#world.launches.ended(process);
    this.#world.massCuts.ended(process.key);
    this.#world.limits.ended(process);
    this.#world.times.ended(process, exit);
    this.#news(machine, process);
    this.#holdUndecided(machine, process);
    if (exit?.code === 0) {
      story.completions.add(process.epoch);
      if (!process.told) story.undisturbed.add(process.epoch);
    }
    this.#world.trace(
      () =>
        `${machine.name} ${process.key} ends: ${exit ? JSON.stringify({ ...exit, stdout: undefined, stderr: undefined }) : "power"}`,
    );
    // A power cut is what ended it, whenever.
    if (exit !== undefined && process.template.stopAfterMs !== null) this.#holdInTime(machine, process);
  }

  #holdInTime(machine: Machine, process: SimProcess): void {
    const allowed = this.#untilMs(process.key);
    this.#world.checks.hold(
      "dead-by-deadline",
      machine.now() <= allowed + ROUNDING_MS || this.mayBeDoubled(process),
      () => `${process.key} lived until ${machine.now()} on ${machine.name}, its replies allow ${allowed}`,
    );
  }

  /** Nothing lives past its time. */
  look(): void {
    for (const machine of this.#world.machines)
      for (const process of machine.processes.values())
        if (process.template.stopAfterMs !== null) this.#holdInTime(machine, process);
  }
}

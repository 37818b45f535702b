/**
 * Runs the real agent core on a simulated machine as agent/host/host.ts does: takes its errands in order, journals,
 * sends, starts and stops what it says. It dies between any two of them and within any write, and can be stopped like a
 * process and go on later with what has piled up.
 */
import { nextWakeMs } from "../../../agent/core/poll.ts";
import { openAttempts } from "../../../agent/core/records.ts";
import { noOutput } from "../../../agent/core/reply.ts";
import { isGuarded } from "../../../agent/core/rules.ts";
import { initialState, step } from "../../../agent/core/step.ts";
import type { AgentEvent, AgentState, Deadline, Exit, Found, JournalRecord } from "../../../agent/core/types.ts";
import { type Errand, Errands } from "../../../agent/host/errands.ts";
import { deadlineOf } from "../../../agent/host/guard/deadlines.ts";
import type { NodeClaims } from "../../../src/cluster/methods.ts";
import type { Inventory, PollReply, PollRequest } from "../../../src/protocol/agent.ts";
import { GuardKeeper } from "./guard.ts";
import { type Machine, type MachineTimer, SPARED_MS } from "./machine.ts";
import type { Chance } from "./random.ts";
import { Uploading } from "./uploading.ts";
import { WakeLink } from "./wakeLink.ts";
import type { World } from "./world.ts";

/** What the Worker answered to one HTTP request. */
export type HttpAnswer =
  | { status: 200; reply: PollReply }
  | { status: 204 | 401 | 404 | 503; retryAfterMs?: number }
  /** a connection error, or a body that is not a reply */
  | { status: 0 };

/** as many as a machine has in `capacity` */
const PORTS: [number, number][] = [[31_000, 31_009]];
const HTTP_SLACK_MS = 10_000;
/** A poll that a newer one overtook is ended so long after the newer one's answer, as the real host does it. */
const OVERTAKEN_MS = 2_000;
/** So long an agent that starts may not know what its machine has, another time in each life. */
const MOST_PROBING_MS = 3_000;
const PROBING_STEP_MS = 733;
/** How often it looks after its guard, and while it comes up. */
const TICK_MS = 1_000;
const READY_LOOK_MS = 100;
const READY_MS = 5_000;
/** systemd starts what has ended with an error. */
const RESTART_MS = 2_000;
/** After a call, or the loss of the socket by which it would be called, with some time for a machine whose clock drifts. */
const POLLS_WITHIN_MS = 5_500;

export class AgentHost {
  readonly machine: Machine;
  readonly claims: NodeClaims;
  readonly link: string;
  state: AgentState | null = null;
  /** sending times of this life's requests by `session/seq`, on the machine's clock */
  readonly sentAt = new Map<string, number>();
  /** ended by itself: `rejoin` or `gone` */
  exited: string | null = null;
  deadForEver = false;
  /** its machine has joined anew, and is another node */
  isReplaced = false;
  /** chance to die between two errands, or within one that writes */
  crashBetweenEffects = 0;
  /** chance to be stopped between two errands, and for how long */
  pauseBetweenEffects = 0;
  pauseMs: () => number = () => 1_000;
  restartAfterMs: () => number = () => 1_000;
  /** chance that a write is not on disk at once, and how long that takes */
  slowWrites = 0;
  slowMs: () => number = () => 1_000;
  /** world time since which it has not been stopped */
  runsSinceMs = 0;

  readonly #world: World;
  readonly #chance: Chance;
  readonly #diskChance: Chance;
  /** one that joins a Cluster that began anew may have the name and the number of another before it */
  readonly #madeAs: number;
  #life = 0;
  #stopped = false;
  #inbox: (() => void)[] = [];
  /** polls without an answer: when that is given up, and what ends the request */
  #pending = new Map<number, { timer: MachineTimer; abort: () => void }>();
  #wake: MachineTimer | null = null;
  #guardLook: MachineTimer | null = null;
  #watched = new Set<string>();
  #errands = new Errands([]);
  #isWorking = false;
  #keeper: GuardKeeper | null = null;
  /** the guard knows every deadline that the core named */
  #guardTold = true;
  #uploading: Uploading | null = null;
  /** its network passes WebSockets */
  readonly #hasWake: boolean;
  #wakeLink: WakeLink | null = null;
  #sentAtMs = Number.NEGATIVE_INFINITY;

  constructor(world: World, machine: Machine, claims: NodeClaims) {
    this.#world = world;
    this.machine = machine;
    this.claims = claims;
    this.link = `agent ${machine.name}`;
    this.#madeAs = world.agents.length;
    this.#chance = world.chanceOf(`${this.link} ${claims.serial}`);
    this.#diskChance = world.chanceOf(`disk of ${this.link} ${claims.serial}`);
    this.#hasWake = world.chanceOf(`wake of ${this.link}`).of(0.5);
  }

  get alive(): boolean {
    return this.state !== null;
  }
  /** streams of ended attempts that are not all uploaded */
  get uploadsLeft(): number {
    return this.#uploading?.unfinished ?? 0;
  }
  get runs(): boolean {
    return this.state !== null && !this.#stopped;
  }
  /** Its supervisor, or whoever stopped it, brings it back. */
  get mayReturn(): boolean {
    return !this.deadForEver && this.exited === null && this.machine.up;
  }

  start(): void {
    if (this.state !== null || !this.machine.up || this.exited !== null || this.deadForEver) return;
    const { machine } = this;
    if (machine.isFrozen) {
      machine.after(0, () => this.start());
      return;
    }
    const life = ++this.#life;
    this.#stopped = false;
    this.runsSinceMs = this.#world.timeline.nowMs;
    this.#inbox = [];
    this.#watched = new Set();
    this.#isWorking = false;
    const records = machine.disk.openJournal();
    if (machine.guard?.hasEnded(machine.agentGoneMs)) machine.loseGuard();
    try {
      this.#keeper = new GuardKeeper(machine);
      this.#guardTold = true;
    } catch {
      this.#restart(RESTART_MS);
      return;
    }
    const isGuarded = this.#keeper.check();
    machine.onExit = (key, exit) => this.#later(life, () => this.#exited(key, exit));
    machine.onGuard = () => this.#lookAtGuard(life, this.#diskChance.int(0, TICK_MS));
    machine.onResume = () => this.#goOn(this.#diskChance.int(0, TICK_MS));
    this.#uploading = new Uploading(this.#world, this, {
      random: this.#chance.named("uploads").next,
      later: (run) => this.#later(life, run),
      forget: (key) => this.#forget(key),
    });
    const inventory: Inventory = {
      capacity: { ...machine.capacity },
      ports: PORTS,
      attributes: { ...machine.attributes },
      drivers: ["process"],
      version: "sim",
    };
    const nonce = `nonce-${Math.floor(this.#chance.next() * 1e9)}-${this.claims.node}-${this.#madeAs}-${life}`;
    const { state, effects } = initialState(records, {
      boot: machine.boot,
      machine: machine.name,
      nonce,
      inventory: null,
      nowMs: machine.now(),
    });
    this.state = state;
    this.#world.trace(() => `${this.claims.node} agent starts, session ${state.session}`);
    this.#errands = new Errands(effects);
    this.#happen({ type: "guard", alive: isGuarded }, life);
    this.#lookAtGuard(life, READY_LOOK_MS);
    this.#later(life, () => this.#recover(openAttempts(records), life));
    if (this.#hasWake && life === this.#life) this.#listen(life);
    machine.after((life * PROBING_STEP_MS) % MOST_PROBING_MS, () =>
      this.#later(life, () => this.#happen({ type: "inventory", inventory }, life)),
    );
  }

  #listen(life: number): void {
    const tell = (event: AgentEvent) =>
      this.#later(life, () => {
        // What is in flight is answered, and what failed keeps its distance.
        const isFree = this.state?.inFlight === null && this.state.failures === 0;
        this.#happen(event, life);
        if (isFree && !(event.type === "wake-socket" && event.open)) this.#holdPolls(event.type, life);
      });
    this.#wakeLink = new WakeLink(this.#world, this, this.#chance.named(`wake ${life}`), {
      called: () => tell({ type: "wake" }),
      changed: (open) => tell({ type: "wake-socket", open }),
    });
  }

  /** Called, or not to be called any more, it polls soon, unless something keeps it from everything. */
  #holdPolls(why: string, life: number): void {
    const { nowMs } = this.#world.timeline;
    this.machine.after(POLLS_WITHIN_MS, () => {
      if (life !== this.#life || this.#stopped || this.runsSinceMs > nowMs || this.#isWorking) return;
      if (this.machine.isFrozen || this.state?.action === "rejoin" || this.state?.action === "gone") return;
      this.#world.checks.hold(
        "told-soon",
        this.#sentAtMs >= nowMs - 1,
        () => `${this.claims.node} does not poll for ${POLLS_WITHIN_MS} ms after ${why}`,
      );
    });
  }

  /** What became of the attempts that it knows; of others nothing may be left. */
  #recover(open: ReadonlyMap<string, string>, life: number): void {
    const { machine } = this;
    const entries = this.#keeper?.entries ?? new Map();
    const attempts = [...open].map(([key, acceptedIn]) => ({
      key,
      found: acceptedIn === machine.boot ? this.#find(key) : ({ is: "other-boot" } as const),
      deadlineMs: deadlineOf(entries, key),
    }));
    machine.sweep(new Set(this.state?.attempts.keys()));
    this.#happen({ type: "recovered", attempts }, life);
    if (life !== this.#life) return;
    for (const { task, epoch, key, end, phase } of this.state?.attempts.values() ?? []) {
      const { stdout, stderr } = end ?? {};
      if (stdout && stderr) this.#uploading?.end({ key, task, epoch }, { stdout, stderr });
      else if (phase === "running") this.#uploading?.add({ key, task, epoch });
    }
  }

  /** kill -9 */
  crash(): void {
    this.#life++;
    // Another one may be there in its place.
    if (this.state === null) return;
    this.machine.agentGoneMs = this.machine.awakeMs;
    this.state = null;
    this.#stopped = false;
    this.#inbox = [];
    this.#wakeLink?.close();
    this.#wakeLink = null;
    this.#uploading?.close();
    this.#uploading = null;
    this.machine.onExit = null;
    this.machine.onGuard = null;
    this.machine.onResume = null;
    for (const seq of this.#pending.keys()) this.#giveUp(seq, true);
    this.#wake?.cancel();
    this.#wake = null;
    this.#guardLook?.cancel();
    this.#guardLook = null;
  }

  #restart(afterMs: number): void {
    this.crash();
    this.machine.after(Math.max(1, Math.min(afterMs, this.machine.bearsMs)), () => this.start());
  }

  /** Whether it may be taken away now: what neither it nor a guard ends, nobody does. */
  get isSpared(): boolean {
    return this.machine.bearsMs < SPARED_MS;
  }

  /** kill -9, and some time later its supervisor starts another. */
  goDown(forMs: number): void {
    if (!this.isSpared) this.#restart(forMs);
  }

  /** SIGSTOP: what happens meanwhile waits. */
  pause(forMs: number): void {
    if (this.state === null || this.#stopped || this.isSpared) return;
    const life = this.#life;
    this.#stopped = true;
    this.machine.after(Math.min(forMs, this.machine.bearsMs), () => {
      if (life === this.#life) this.resume();
    });
  }
  resume(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#goOn(0);
  }

  /** Its guard is gone, or its deadlines are nearer now: if it is away, it comes back in time. */
  returnWithin(ms: number): void {
    this.machine.after(ms, () => {
      this.resume();
      this.start();
    });
  }

  /** What has piled up comes at once, what it does by the clock within a tick. */
  #goOn(withinMs: number): void {
    if (this.#stopped || this.machine.isFrozen) return;
    const life = this.#life;
    this.runsSinceMs = this.#world.timeline.nowMs;
    const waiting = this.#inbox;
    this.#inbox = [];
    for (const run of waiting) this.#later(life, run);
    if (life !== this.#life) return;
    this.#lookAtGuard(life, withinMs);
    this.#arm(life, withinMs);
  }

  /** Something reaches this life of the agent: now, when it goes on, or never. */
  #later(life: number, run: () => void): void {
    if (life !== this.#life) return;
    if (this.#stopped || this.machine.isFrozen) this.#inbox.push(() => this.#later(life, run));
    else run();
  }

  #lookAtGuard(life: number, inMs: number): void {
    this.#guardLook?.cancel();
    this.#guardLook = this.machine.after(inMs, () => this.#later(life, () => this.#seeGuard(life)));
  }

  /** Again and again until there is one; then whoever ends it tells. */
  #seeGuard(life: number): void {
    const alive = this.#keeper?.check() ?? false;
    this.#happen({ type: "guard", alive }, life);
    if (life !== this.#life || this.machine.isGuarded) return;
    const isYoung = this.#world.timeline.nowMs - this.runsSinceMs < READY_MS;
    this.#lookAtGuard(life, isYoung ? READY_LOOK_MS : TICK_MS);
  }

  #happen(event: AgentEvent, life: number): void {
    if (this.state === null || life !== this.#life) return;
    let next: ReturnType<typeof step>;
    try {
      next = step(this.state, event, this.machine.now(), this.#chance.next());
    } catch (error) {
      this.#world.checks.hold("turns-whole", false, () => `${this.claims.node} agent threw ${(error as Error).stack}`);
      return;
    }
    this.state = next.state;
    this.#errands.add(next.effects);
    this.#work(life);
    if (life === this.#life) this.#arm(life);
  }

  #work(life: number): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    for (let errand = this.#errands.next(); errand; errand = this.#errands.next()) {
      if (this.#isInterrupted(errand, life)) return;
      if (!this.#does(errand, life) || life !== this.#life) return;
    }
    this.#isWorking = false;
  }

  #isInterrupted(errand: Errand, life: number): boolean {
    if (this.#strikes("agent-crash", this.crashBetweenEffects)) {
      this.#world.trace(() => `${this.claims.node} agent dies before ${errand.type}`);
      if (errand.type === "write") this.#dieWithin(errand.records);
      this.goDown(this.restartAfterMs());
      return true;
    }
    if (this.#strikes("agent-stopped", this.pauseBetweenEffects)) {
      this.#world.trace(() => `${this.claims.node} agent is stopped before ${errand.type}`);
      this.pause(this.pauseMs());
      this.#inbox.push(() => {
        if (this.#does(errand, life)) this.#workOn(life);
      });
      return true;
    }
    return false;
  }

  #workOn(life: number): void {
    if (life !== this.#life) return;
    this.#isWorking = false;
    this.#work(life);
    if (life === this.#life) this.#arm(life);
  }

  #strikes(kind: string, probability: number): boolean {
    return (
      probability > 0 &&
      this.#chance.of(probability) &&
      !this.isSpared &&
      this.#world.happenings.strikes(kind, this.machine.name)
    );
  }

  /** Before the write, somewhere in it, or behind it. */
  #dieWithin(records: readonly JournalRecord[]): void {
    const { disk } = this.machine;
    const where = this.#diskChance.int(0, 2);
    if (where === 1) disk.appendTorn(records, this.#diskChance);
    if (where === 2) this.#write(records);
  }

  #write(records: readonly JournalRecord[]): boolean {
    if (!this.machine.disk.append(records)) return false;
    for (const record of records)
      if (record.type === "accept" && record.after !== undefined) this.#world.watch.goesOn(this, record);
    return true;
  }

  /** @returns whether it is done; else it goes on by itself, or never */
  #does(errand: Errand, life: number): boolean {
    if (errand.type !== "write") {
      this.#perform(errand, life);
      return true;
    }
    const { disk } = this.machine;
    if (!this.#write(errand.records)) {
      this.#world.trace(() => `${this.claims.node} agent ends: its disk is full`);
      this.#restart(RESTART_MS);
      return false;
    }
    if (
      this.slowWrites > 0 &&
      this.#diskChance.of(this.slowWrites) &&
      this.#world.happenings.strikes("disk-slow", this.machine.name)
    ) {
      disk.wasSlow = true;
      this.machine.after(this.slowMs(), () => {
        disk.sync();
        this.#later(life, () => this.#workOn(life));
      });
      return false;
    }
    disk.sync();
    return true;
  }

  #perform(effect: Exclude<Errand, { type: "write" }>, life: number): void {
    const { machine } = this;
    switch (effect.type) {
      case "send":
        this.#send(effect.request, effect.waitS, life);
        return;
      case "deadlines":
        this.#world.watch.deadlines(this, effect.deadlines);
        this.#tellGuard(effect.deadlines);
        return;
      case "start":
        this.#start(effect.attempt, life);
        return;
      case "stop":
        machine.stop(effect.key, "TERM");
        machine.after(effect.graceMs, () => this.#later(life, () => machine.stop(effect.key, "KILL")));
        return;
      case "watch": {
        const { key } = effect;
        this.#watched.add(key);
        machine.after(1, () =>
          this.#later(life, () => {
            const exit = machine.disk.exits.get(key);
            if (exit) this.#exited(key, exit);
          }),
        );
        return;
      }
      case "forget":
        this.#uploading?.forget(effect.key);
        return;
      case "follow":
        this.#uploading?.follow(effect.keys);
        return;
      case "credential":
        return;
      case "exit":
        this.#world.trace(() => `${this.claims.node} agent exits: ${effect.message}`);
        this.exited = effect.message;
        this.#keeper?.leave();
        this.crash();
    }
  }

  #tellGuard(deadlines: readonly Deadline[]): void {
    try {
      this.#keeper?.setDeadlines(deadlines);
      this.#guardTold = true;
    } catch {
      this.#guardTold = false;
    }
  }

  #start(attempt: Extract<Errand, { type: "start" }>["attempt"], life: number): void {
    const { machine, state } = this;
    const { key } = attempt;
    if (state === null || !isGuarded(state) || !this.#guardTold) {
      this.#happen({ type: "start-failed", key, message: "the node has no guard", nodeFault: true }, life);
      return;
    }
    this.#watched.add(key);
    this.#world.watch.starts(this);
    const outcome = machine.start(attempt, (state.attempts.get(key) ?? attempt).deadlineMs);
    const event: AgentEvent =
      typeof outcome === "object" ? { type: "start-failed", key, message: outcome.failed } : { type: "started", key };
    machine.after(this.#chance.int(0, 30), () =>
      this.#later(life, () => {
        if (event.type === "started") this.#uploading?.add(attempt);
        this.#happen(event, life);
        const exit = machine.disk.exits.get(key);
        if (exit) this.#exited(key, exit);
      }),
    );
  }

  /** Its end is acked and its output uploaded. The record is not synced: should it be lost, the end is told once more. */
  #forget(key: string): boolean {
    const { disk } = this.machine;
    if (!disk.append([{ type: "forget", key }])) return false;
    disk.forget(key);
    return true;
  }

  #exited(key: string, exit: Exit): void {
    if (!this.#watched.has(key)) return;
    const life = this.#life;
    const attempt = this.state?.attempts.get(key);
    this.#happen({ type: "exited", key, exit }, life);
    if (attempt && life === this.#life) this.#uploading?.end(attempt, exit);
  }

  #find(key: string): Found {
    const { disk, processes, boot } = this.machine;
    if (processes.has(key)) return { is: "running" };
    const exit = disk.exits.get(key);
    if (exit) return { is: "ended", exit };
    const startedIn = disk.starts.get(key);
    if (startedIn === undefined || this.machine.void(key)) return { is: "never-started" };
    return startedIn === boot
      ? {
          is: "ended",
          exit: {
            ...{ code: null, signal: null, ...noOutput() },
            ...(disk.marks.has(key) ? { byGuard: true } : { vanished: true }),
          },
        }
      : { is: "other-boot" };
  }

  #send(request: PollRequest, waitS: number, life: number): void {
    const { seq } = request;
    this.#world.checks.spin(`polls of ${this.machine.name}`, this.#world.timeline.nowMs);
    this.sentAt.set(`${request.session}/${seq}`, this.machine.now());
    this.#sentAtMs = this.#world.timeline.nowMs;
    const answered = (answer: HttpAnswer, isLate = false): void => {
      if (life !== this.#life || !this.#giveUp(seq, isLate)) return;
      this.#later(life, () => this.#answered(seq, answer, life));
      this.#endOvertaken(seq, life);
    };
    const timer = this.machine.after(waitS * 1000 + HTTP_SLACK_MS, () => answered({ status: 0 }, true));
    this.#pending.set(seq, { timer, abort: this.#world.edge.poll(this, request, waitS, answered) });
  }

  /** No answer to this poll is waited for any more. @returns false: none was */
  #giveUp(seq: number, isLate: boolean): boolean {
    const pending = this.#pending.get(seq);
    if (!pending) return false;
    this.#pending.delete(seq);
    pending.timer.cancel();
    if (isLate) pending.abort();
    return true;
  }

  #endOvertaken(answered: number, life: number): void {
    const overtaken = [...this.#pending.keys()].filter((seq) => seq < answered);
    if (overtaken.length === 0) return;
    this.machine.after(OVERTAKEN_MS, () => {
      if (life !== this.#life) return;
      const held = overtaken.filter((seq) => this.#giveUp(seq, true));
      this.#world.checks.hold(
        "told-soon",
        held.length === 0 || !this.#world.isCalm,
        () => `${this.claims.node} has its poll ${answered} answered, and ${held} are held on`,
      );
    });
  }

  #answered(seq: number, answer: HttpAnswer, life: number): void {
    if (answer.status === 200) {
      this.#world.watch.replyArrives(this, answer.reply);
      this.#happen({ type: "reply", reply: answer.reply }, life);
      // A reply that the core did not take was none.
      if (this.state?.inFlight?.seq !== seq) return;
    }
    const retryAfterMs = "retryAfterMs" in answer ? (answer.retryAfterMs ?? null) : null;
    this.#happen({ type: "no-reply", seq, retryAfterMs, rejected: answer.status === 401 }, life);
  }

  #arm(life: number, withinMs = 0): void {
    this.#wake?.cancel();
    this.#wake = null;
    if (this.state === null || this.machine.isFrozen) return;
    const wakeMs = nextWakeMs(this.state);
    if (!Number.isFinite(wakeMs)) return;
    const inMs = Math.max(this.machine.when(wakeMs) - this.#world.timeline.nowMs, withinMs, 1);
    this.#wake = this.machine.after(inMs, () => this.#later(life, () => this.#happen({ type: "tick" }, life)));
  }
}

/**
 * Runs the real agent core on a simulated machine: journals, sends, starts and stops what it says, crashes between any
 * two of its effects, and can be stopped like a process and go on later with what has piled up.
 */
import { nextWakeMs } from "../../../agent/core/poll.ts";
import { initialState, step } from "../../../agent/core/step.ts";
import type { AgentEffect, AgentEvent, AgentState, Found, JournalRecord } from "../../../agent/core/types.ts";
import type { NodeClaims } from "../../../src/cluster/methods.ts";
import type { Inventory, PollReply, PollRequest } from "../../../src/protocol/agent.ts";
import type { Machine } from "./machine.ts";
import type { Chance } from "./random.ts";
import type { Timer } from "./timeline.ts";
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
  /** chance to die between two effects */
  crashBetweenEffects = 0;
  /** chance to be stopped between two effects, and for how long */
  pauseBetweenEffects = 0;
  pauseMs: () => number = () => 1_000;
  restartAfterMs: () => number = () => 1_000;

  readonly #world: World;
  readonly #chance: Chance;
  #life = 0;
  #stopped = false;
  #inbox: (() => void)[] = [];
  /** polls without an answer: when that is given up, and what ends the request */
  #pending = new Map<number, { timer: Timer; abort: () => void }>();
  #wake: Timer | null = null;
  #watched = new Set<string>();

  constructor(world: World, machine: Machine, claims: NodeClaims) {
    this.#world = world;
    this.machine = machine;
    this.claims = claims;
    this.link = `agent ${machine.name}`;
    this.#chance = world.chanceOf(`${this.link} ${claims.serial}`);
  }

  get alive(): boolean {
    return this.state !== null;
  }
  get isStopped(): boolean {
    return this.#stopped;
  }

  start(): void {
    if (this.state !== null || !this.machine.up || this.exited !== null || this.deadForEver) return;
    const life = ++this.#life;
    this.#stopped = false;
    this.#inbox = [];
    this.#watched = new Set();
    const { machine } = this;
    machine.onExit = (key, exit) => this.#later(life, () => this.#exited(key, exit));
    const inventory: Inventory = {
      capacity: { ...machine.capacity },
      ports: PORTS,
      attributes: { ...machine.attributes },
      drivers: ["process"],
      version: "sim",
    };
    const nonce = `nonce-${Math.floor(this.#chance.next() * 1e9)}-${life}`;
    const { state, effects } = initialState(machine.disk.journal, {
      boot: machine.boot,
      machine: machine.name,
      nonce,
      inventory: null,
      nowMs: machine.now(),
    });
    this.state = state;
    this.#world.trace(() => `${this.claims.node} agent starts, session ${state.session}`);
    this.#perform(effects, life);
    this.#later(life, () => this.#happen({ type: "guard", alive: true }, life));
    const attempts = [...state.attempts.keys()].map((key) => ({
      key,
      found: this.#find(key),
      deadlineMs: machine.guardFile.get(key)?.deadlineMs ?? null,
    }));
    this.#later(life, () => this.#happen({ type: "recovered", attempts }, life));
    this.#world.timeline.after((life * PROBING_STEP_MS) % MOST_PROBING_MS, () =>
      this.#later(life, () => this.#happen({ type: "inventory", inventory }, life)),
    );
  }

  /** kill -9 */
  crash(): void {
    this.#life++;
    this.state = null;
    this.#stopped = false;
    this.#inbox = [];
    this.machine.onExit = null;
    for (const seq of this.#pending.keys()) this.#giveUp(seq, true);
    if (this.#wake) this.#wake.cancelled = true;
    this.#wake = null;
  }

  /** SIGSTOP: what happens meanwhile waits. */
  pause(): void {
    if (this.state !== null) this.#stopped = true;
  }
  resume(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    const waiting = this.#inbox;
    this.#inbox = [];
    for (const run of waiting) this.#stopped ? this.#inbox.push(run) : run();
  }

  /** Something reaches this life of the agent: now, when it goes on, or never. */
  #later(life: number, run: () => void): void {
    if (life !== this.#life) return;
    if (this.#stopped) this.#inbox.push(() => this.#later(life, run));
    else run();
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
    this.#perform(next.effects, life);
    if (life === this.#life) this.#arm(life);
  }

  #perform(effects: readonly AgentEffect[], life: number): void {
    for (let i = 0; i < effects.length; i++) {
      if (life !== this.#life) return;
      const effect = effects[i] as AgentEffect;
      if (this.crashBetweenEffects > 0 && this.#chance.of(this.crashBetweenEffects) && this.#strikes("agent-crash")) {
        this.#world.trace(() => `${this.claims.node} agent dies before ${effect.type}`);
        if (effect.type === "journal") this.#write(effect.records.slice(0, this.#chance.int(0, effect.records.length)));
        this.crash();
        this.#world.timeline.after(this.restartAfterMs(), () => this.start());
        return;
      }
      if (this.pauseBetweenEffects > 0 && this.#chance.of(this.pauseBetweenEffects) && this.#strikes("agent-stopped")) {
        this.#world.trace(() => `${this.claims.node} agent is stopped before ${effect.type}`);
        this.pause();
        this.#inbox.push(() => this.#perform(effects.slice(i), life));
        this.#world.timeline.after(this.pauseMs(), () => this.resume());
        return;
      }
      this.#one(effect, life);
    }
  }

  #strikes(kind: string): boolean {
    return this.#world.happenings.strikes(kind, this.machine.name);
  }

  #write(records: readonly JournalRecord[]): void {
    this.machine.disk.journal.push(...records);
    for (const record of records)
      if (record.type === "accept" && record.after !== undefined) this.#world.watch.goesOn(this, record);
  }

  #one(effect: AgentEffect, life: number): void {
    const { machine } = this;
    switch (effect.type) {
      case "journal":
        this.#write(effect.records);
        return;
      case "send":
        this.#send(effect.request, effect.waitS, life);
        return;
      case "deadlines":
        this.#world.watch.deadlines(this, effect.deadlines);
        machine.setDeadlines(effect.deadlines);
        return;
      case "start": {
        const { key } = effect.attempt;
        this.#watched.add(key);
        const outcome = machine.start(effect.attempt);
        const event: AgentEvent =
          typeof outcome === "object"
            ? { type: "start-failed", key, message: outcome.failed }
            : { type: "started", key };
        this.#world.timeline.after(this.#chance.int(0, 30), () =>
          this.#later(life, () => {
            this.#happen(event, life);
            const exit = machine.disk.exits.get(key);
            if (exit) this.#exited(key, exit);
          }),
        );
        return;
      }
      case "stop":
        machine.stop(effect.key, "TERM");
        this.#world.timeline.after(effect.graceMs, () => this.#later(life, () => machine.stop(effect.key, "KILL")));
        return;
      case "watch": {
        const { key } = effect;
        this.#watched.add(key);
        this.#world.timeline.after(1, () =>
          this.#later(life, () => {
            const exit = machine.disk.exits.get(key);
            if (exit) this.#exited(key, exit);
          }),
        );
        return;
      }
      case "forget":
        machine.forget(effect.key);
        return;
      case "follow":
      case "credential":
        return;
      case "exit":
        this.#world.trace(() => `${this.claims.node} agent exits: ${effect.message}`);
        this.exited = effect.message;
        this.crash();
    }
  }

  #exited(key: string, exit: NonNullable<ReturnType<Machine["disk"]["exits"]["get"]>>): void {
    if (!this.#watched.has(key)) return;
    this.#happen({ type: "exited", key, exit }, this.#life);
  }

  #find(key: string): Found {
    const { disk, processes, boot } = this.machine;
    if (processes.has(key)) return { is: "running" };
    const exit = disk.exits.get(key);
    if (exit) return { is: "ended", exit };
    const startedIn = disk.starts.get(key);
    if (startedIn === undefined) return { is: "never-started" };
    return startedIn === boot
      ? { is: "ended", exit: { code: null, signal: null, vanished: true, ...NO_OUTPUT } }
      : { is: "other-boot" };
  }

  #send(request: PollRequest, waitS: number, life: number): void {
    const { seq } = request;
    this.#world.checks.spin(`polls of ${this.machine.name}`, this.#world.timeline.nowMs);
    this.sentAt.set(`${request.session}/${seq}`, this.machine.now());
    const answered = (answer: HttpAnswer, isLate = false): void => {
      if (life !== this.#life || !this.#giveUp(seq, isLate)) return;
      this.#later(life, () => this.#answered(seq, answer, life));
      this.#endOvertaken(seq, life);
    };
    const timer = this.#world.timeline.after(waitS * 1000 + HTTP_SLACK_MS, () => answered({ status: 0 }, true));
    this.#pending.set(seq, { timer, abort: this.#world.edge.poll(this, request, waitS, answered) });
  }

  /** No answer to this poll is waited for any more. @returns false: none was */
  #giveUp(seq: number, isLate: boolean): boolean {
    const pending = this.#pending.get(seq);
    if (!pending) return false;
    this.#pending.delete(seq);
    pending.timer.cancelled = true;
    if (isLate) pending.abort();
    return true;
  }

  #endOvertaken(answered: number, life: number): void {
    const overtaken = [...this.#pending.keys()].filter((seq) => seq < answered);
    if (overtaken.length === 0) return;
    this.#world.timeline.after(OVERTAKEN_MS, () => {
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

  #arm(life: number): void {
    if (this.#wake) this.#wake.cancelled = true;
    this.#wake = null;
    if (this.state === null) return;
    const wakeMs = nextWakeMs(this.state);
    if (!Number.isFinite(wakeMs)) return;
    this.#wake = this.#world.timeline.at(Math.max(this.machine.when(wakeMs), this.#world.timeline.nowMs + 1), () =>
      this.#later(life, () => this.#happen({ type: "tick" }, life)),
    );
  }
}

const NO_OUTPUT = { stdout: { size: 0, crc32: 0, dropped: 0 }, stderr: { size: 0, crc32: 0, dropped: 0 } };

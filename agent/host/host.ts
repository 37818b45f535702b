/**
 * The host of the core: gives it what happens, in order, and does what it wants, in order; what follows a `journal` only
 * when that is on disk. It decides nothing.
 */
import { nextWakeMs } from "../core/poll.ts";
import { isGuarded } from "../core/rules.ts";
import { nothingLeft, type Step, step } from "../core/step.ts";
import type { AgentEffect, AgentEvent, AgentState, Deadline, JournalRecord } from "../core/types.ts";
import type { PollOutcome } from "./broker/broker.ts";
import { type Errand, Errands } from "./errands.ts";
import { messageOf } from "./files.ts";
import type { Log } from "./log.ts";
import type { Uploads } from "./uploads.ts";

/** Each second: what the core, the guard and the uploads do by the clock. */
const TICK_MS = 1000;
/** A poll that a newer one overtook is ended by the broker; if not, by us so long after the newer one's answer. */
const OVERTAKEN_MS = 2000;
/** So long a request may need the processor until it is on its way. */
const LEAVES_WITHIN_MS = 10;

/** What runs attempts and ends them. */
export interface Hands {
  driver: {
    start(attempt: Extract<AgentEffect, { type: "start" }>["attempt"]): void;
    stop(key: string, graceMs: number): void;
    watch(key: string): void;
    remove(key: string): Promise<void>;
    running(): ReadonlyMap<string, number>;
  };
  guard: {
    /** @throws when it can't be told */
    setDeadlines(deadlines: readonly Deadline[]): void;
    check(): boolean;
  };
}

export interface HostParts {
  journal: { append(records: readonly JournalRecord[]): Promise<void> };
  uploads: Uploads;
  poll(
    request: Extract<AgentEffect, { type: "send" }>["request"],
    waitS: number,
    signal: AbortSignal,
  ): Promise<PollOutcome>;
  saveCredential(credential: string): void;
  /** reasons to take nothing new, as they are now */
  pressure(): readonly string[];
  nowMs(): number;
  random(): number;
  log: Log;
  /** ends the agent; tasks live on */
  exit(code: number, message: string): void;
}

/** What the last answers were, for a person. */
export interface PollHistory {
  answers: number;
  failures: number;
  answeredAtMs: number | null;
  lastFailure: { atMs: number; message: string } | null;
}

export class Host {
  readonly #parts: HostParts;
  /** null: not there yet, so that nothing is accepted */
  #hands: Hands | null = null;
  /** for the guard, once it is there */
  #untold: readonly Deadline[] | null = null;
  #state: AgentState;
  readonly #errands: Errands;
  #working = false;
  #stopped = false;
  /** the guard knows every deadline that the core named */
  #guardTold = true;
  #ticker: NodeJS.Timeout | null = null;
  #alarm: NodeJS.Timeout | null = null;
  readonly #pending = new Map<number, AbortController>();
  /** ends that are acked, their output perhaps not yet uploaded */
  readonly #forgotten = new Set<string>();
  readonly #watchers = new Set<() => void>();
  readonly #spoken = Promise.withResolvers<void>();
  /** when the ticker last found the work done, or a poll's attempt was over */
  progressAtMs: number;
  readonly polls: PollHistory = { answers: 0, failures: 0, answeredAtMs: null, lastFailure: null };

  constructor(start: Step, parts: HostParts) {
    this.#parts = parts;
    this.#state = start.state;
    this.#errands = new Errands(start.effects);
    this.progressAtMs = parts.nowMs();
  }

  /** When the first poll is on its way, or answered, or never will be. */
  get spoken(): Promise<void> {
    return this.#spoken.promise;
  }

  get state(): AgentState {
    return this.#state;
  }

  /** From now on attempts can be run here, and those of earlier sessions be seen to. */
  equip(hands: Hands): void {
    this.#hands = hands;
    if (this.#untold !== null) this.#tellGuard(hands, this.#untold);
    this.#untold = null;
    this.dispatch({ type: "guard", alive: hands.guard.check() });
  }

  /** Begins the session with what survived the one before: with nothing, if need be before there are hands. */
  start(recovered: Extract<AgentEvent, { type: "recovered" }>): void {
    this.dispatch({ type: "pressure", pressure: this.#parts.pressure() });
    this.dispatch(recovered);
    for (const { task, epoch, key, end, phase } of this.#state.attempts.values()) {
      if (end?.stdout && end.stderr) this.#parts.uploads.end({ key, task, epoch }, end.stdout, end.stderr);
      else if (phase === "running") this.#parts.uploads.add({ key, task, epoch });
    }
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  #tick(): void {
    if (this.#hands) this.dispatch({ type: "guard", alive: this.#hands.guard.check() });
    this.dispatch({ type: "pressure", pressure: this.#parts.pressure() });
    this.dispatch({ type: "tick" });
    this.#parts.uploads.pump();
    for (const key of [...this.#forgotten]) this.forgetIfUploaded(key);
    // what waits for a disk that does not answer is no progress
    if (!this.#working) this.#progress();
    this.#tellWatchers();
  }

  #progress(): void {
    this.progressAtMs = this.#parts.nowMs();
  }

  /** @param changed called whenever something may have changed @returns ends that */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  #tellWatchers(): void {
    for (const changed of this.#watchers) changed();
  }

  dispatch(event: AgentEvent): void {
    if (this.#stopped) return;
    const next = step(this.#state, event, this.#parts.nowMs(), this.#parts.random());
    this.#state = next.state;
    this.#errands.add(next.effects);
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      for (let errand = this.#errands.next(); errand; errand = this.#errands.next()) {
        if (errand.type === "write") await this.#parts.journal.append(errand.records);
        else if (!this.#stopped) this.#perform(errand);
      }
    } catch (error) {
      // what is not on disk must not be acted on; a new start reads what is
      this.#parts.exit(2, `the journal can't be written: ${messageOf(error)}`);
    } finally {
      this.#working = false;
    }
    this.#setAlarm();
    this.#tellWatchers();
  }

  #perform(effect: Exclude<Errand, { type: "write" }>): void {
    const { uploads, saveCredential, exit } = this.#parts;
    switch (effect.type) {
      case "send":
        void this.#send(effect);
        return;
      case "deadlines":
        if (this.#hands) this.#tellGuard(this.#hands, effect.deadlines);
        else this.#untold = effect.deadlines;
        return;
      case "start":
        this.#start(effect);
        return;
      case "stop":
        this.#hands?.driver.stop(effect.key, effect.graceMs);
        return;
      case "watch":
        this.#hands?.driver.watch(effect.key);
        return;
      case "follow":
        uploads.follow(effect.keys);
        return;
      case "forget":
        this.#forgotten.add(effect.key);
        this.forgetIfUploaded(effect.key);
        return;
      case "credential":
        saveCredential(effect.credential);
        return;
      case "exit":
        exit(effect.code, effect.message);
    }
  }

  async #send({ request, waitS }: Extract<AgentEffect, { type: "send" }>): Promise<void> {
    const { seq } = request;
    const abort = new AbortController();
    this.#pending.set(seq, abort);
    const answered = this.#parts.poll(request, waitS, abort.signal);
    setTimeout(this.#spoken.resolve, LEAVES_WITHIN_MS);
    const outcome = await answered;
    this.#spoken.resolve();
    this.#pending.delete(seq);
    this.#progress();
    if (this.#stopped || seq !== this.#state.seq) return;
    this.#endOvertaken(seq);
    if (outcome.kind === "reply") {
      this.polls.answers++;
      this.polls.answeredAtMs = this.#parts.nowMs();
      this.dispatch({ type: "reply", reply: outcome.reply });
      return;
    }
    const { retryAfterMs, rejected, message } = outcome;
    this.polls.failures++;
    this.polls.lastFailure = { atMs: this.#parts.nowMs(), message };
    // the first of a row, and then once in a while, or an outage fills the log
    if (this.#state.failures % 10 === 0) this.#parts.log("warn", `poll: ${message}`);
    this.dispatch({ type: "no-reply", seq, retryAfterMs, rejected });
  }

  #endOvertaken(answered: number): void {
    const overtaken = [...this.#pending].filter(([seq]) => seq < answered);
    if (overtaken.length === 0) return;
    setTimeout(() => {
      for (const [seq, abort] of overtaken) if (this.#pending.has(seq)) abort.abort();
    }, OVERTAKEN_MS).unref();
  }

  #tellGuard({ guard }: Hands, deadlines: readonly Deadline[]): void {
    try {
      guard.setDeadlines(deadlines);
      this.#guardTold = true;
    } catch (error) {
      this.#guardTold = false;
      this.#parts.log("error", `the guard's file can't be written: ${messageOf(error)}`);
    }
  }

  #start({ attempt }: Extract<AgentEffect, { type: "start" }>): void {
    if (this.#hands && isGuarded(this.#state) && this.#guardTold) this.#hands.driver.start(attempt);
    else {
      const message = "the node has no guard that would end it at its deadline";
      this.dispatch({ type: "start-failed", key: attempt.key, message, nodeFault: true });
    }
  }

  started(key: string): void {
    const attempt = this.#state.attempts.get(key);
    if (attempt) this.#parts.uploads.add(attempt);
    this.dispatch({ type: "started", key });
  }

  startFailed(key: string, message: string, nodeFault = false): void {
    this.dispatch({ type: "start-failed", key, message, nodeFault });
  }

  exited(key: string, exit: Extract<AgentEvent, { type: "exited" }>["exit"]): void {
    const attempt = this.#state.attempts.get(key);
    this.dispatch({ type: "exited", key, exit });
    if (attempt) this.#parts.uploads.end(attempt, exit.stdout, exit.stderr);
  }

  /** Its end is acked and its output is with the broker: nothing of it is needed any more. */
  forgetIfUploaded(key: string): void {
    const { journal, uploads, log } = this.#parts;
    const { driver } = this.#hands ?? {};
    if (!driver || !this.#forgotten.has(key) || !uploads.isDone(key)) return;
    this.#forgotten.delete(key);
    uploads.drop(key);
    journal
      .append([{ type: "forget", key }])
      .then(() => driver.remove(key))
      .catch((error: unknown) => {
        this.#forgotten.add(key);
        log("warn", `${key}: can't be forgotten yet: ${messageOf(error)}`);
      });
  }

  #setAlarm(): void {
    if (this.#alarm) clearTimeout(this.#alarm);
    this.#alarm = null;
    if (this.#stopped) return;
    const inMs = nextWakeMs(this.#state) - this.#parts.nowMs();
    if (inMs < TICK_MS) this.#alarm = setTimeout(() => this.dispatch({ type: "tick" }), Math.max(1, inMs));
  }

  /** Everything is stopped and reported, and all output uploaded. */
  get isEmpty(): boolean {
    return nothingLeft(this.#state) && this.#forgotten.size === 0 && this.#running().size === 0;
  }

  /** Attempts that are not yet over, told and uploaded. */
  get left(): number {
    const keys = [...this.#state.attempts.keys(), ...this.#forgotten, ...this.#running().keys()];
    return new Set(keys).size;
  }

  #running(): ReadonlyMap<string, number> {
    return this.#hands?.driver.running() ?? new Map();
  }

  stop(): void {
    this.#stopped = true;
    this.#spoken.resolve();
    if (this.#ticker) clearInterval(this.#ticker);
    if (this.#alarm) clearTimeout(this.#alarm);
    for (const abort of this.#pending.values()) abort.abort();
  }
}

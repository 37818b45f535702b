/**
 * A Framework: one external scheduler, its stream, the offers it holds and the updates it has not acknowledged. What it
 * may have is the Broker's part, what it launches runs in Clusters; here is what it was told and what it asked for.
 */
import { Problem } from "../model/problems.ts";
import type { ObjectRef, Outcome, Platform, SocketId, Turns } from "../platform/seam.ts";
import type {
  AcceptAnswer,
  AcceptRequest,
  AgentStateAnswer,
  AgentStateRequest,
  AnswerInverseRequest,
  DeclineRequest,
  FrameworkAnswer,
  FrameworkLevel,
  KillRequest,
} from "../protocol/frameworks.ts";
import { accepted } from "./accept.ts";
import { Away } from "./away.ts";
import { BrokerLine } from "./brokerLine.ts";
import { Calls } from "./calls.ts";
import { Resends } from "./lines.ts";
import { FrameworkMemory, keyOf } from "./memory.ts";
import type { FrameworkMethods, Subscribe } from "./methods.ts";
import { Missing } from "./missing.ts";
import { Reconciling } from "./reconcile.ts";
import { Requests } from "./requests.ts";
import { Session } from "./session.ts";
import { applyTell } from "./telling.ts";
import { metricsOf, taskPage, viewOf } from "./views.ts";

type Args<Method extends keyof FrameworkMethods> = Parameters<FrameworkMethods[Method]>[0];

export class Framework implements Turns {
  readonly #platform: Platform;
  readonly #memory: FrameworkMemory;
  readonly #resends: Resends;
  readonly #away: Away;
  readonly #missing: Missing;
  readonly #session: Session;
  readonly #requests: Requests;
  readonly #reconciling: Reconciling;
  readonly #broker: BrokerLine;
  readonly #calls: Calls;
  /** as it was asked for last; null: not in this life, or it came */
  #alarmAt: number | null = null;

  constructor(platform: Platform) {
    const now = platform.now();
    this.#platform = platform;
    this.#memory = new FrameworkMemory(platform);
    this.#resends = new Resends(this.#memory);
    this.#away = new Away(this.#memory);
    this.#missing = new Missing(this.#memory);
    this.#session = new Session(this.#memory, this.#resends, this.#away);
    this.#requests = new Requests(this.#memory);
    this.#reconciling = new Reconciling(this.#memory);
    this.#broker = new BrokerLine(this.#memory);
    this.#calls = new Calls(this.#memory, this.#requests, this.#reconciling, this.#session);
    this.#session.recall(now);
    this.#finish(now, false);
  }

  call(method: string, args: unknown): unknown {
    const now = this.#platform.now();
    // One switch, so that each method's arguments have their type.
    switch (method as keyof FrameworkMethods) {
      case "view":
        return viewOf(this.#memory);
      case "tasks":
        return taskPage(this.#memory, args as Args<"tasks">);
      case "metrics":
        return metricsOf(this.#memory);
      case "call":
        return this.#finished(this.#calls.answer(args as Args<"call">, now), now);
      case "tell":
        return this.#finished(applyTell(this.#memory, args as Args<"tell">, now), now);
      case "poke":
        this.#broker.demand();
        return this.#finished({}, now);
      default:
        throw new Problem("not-found", `a Framework has no method ${method}`);
    }
  }

  message(socket: SocketId, message: unknown): void {
    if (!isSubscribe(message)) return;
    const now = this.#platform.now();
    this.#session.subscribe(socket, message.subscribe, now);
    this.#finish(now, false);
  }

  closed(socket: SocketId, isClean: boolean): void {
    const now = this.#platform.now();
    this.#session.closed(socket, isClean, now);
    this.#finish(now, false);
  }

  alarm(): void {
    const now = this.#platform.now();
    this.#alarmAt = null;
    this.#session.tick(now);
    this.#missing.tick(now);
    this.#resends.sendDue(now);
    this.#reconciling.tick(now);
    this.#finish(now, true);
  }

  result(to: ObjectRef, method: string, args: unknown, outcome: Outcome): void {
    const now = this.#platform.now();
    this.#hear(to, method, args, outcome, now);
    this.#finish(now, false);
  }

  #hear(to: ObjectRef, method: string, args: unknown, outcome: Outcome, now: number): void {
    const memory = this.#memory;
    switch (method) {
      case "framework":
        this.#broker.answered(args as FrameworkLevel, outcome.ok ? (outcome.value as FrameworkAnswer) : null, now);
        return;
      case "accept":
        if (outcome.ok) accepted(memory, args as AcceptRequest, outcome.value as AcceptAnswer, now);
        else this.#requests.failed("accept", (args as AcceptRequest).id, now);
        return;
      case "decline":
        this.#heard(method, (args as DeclineRequest).offers, outcome, now);
        return;
      case "answerInverse":
        this.#heard(method, (args as AnswerInverseRequest).inverseOffers, outcome, now);
        return;
      case "killTask":
        this.#requests.killAnswered((args as KillRequest).taskId, outcome.ok, now);
        return;
      case "agentStates": {
        const answer = outcome.ok ? (outcome.value as AgentStateAnswer) : null;
        if (memory.self) this.#reconciling.answered(to.name, (args as AgentStateRequest).agentIds, answer, now);
      }
    }
  }

  #heard(method: "decline" | "answerInverse", [first = ""]: string[], outcome: Outcome, now: number): void {
    if (outcome.ok) this.#memory.answered(keyOf(method, first));
    else this.#requests.failed(method, first, now);
  }

  #finished<T>(answer: T, now: number): T {
    this.#finish(now, false);
    return answer;
  }

  /** What follows from the rows leaves, and the alarm comes when more is due. */
  #finish(now: number, isAlarm: boolean): void {
    if (!this.#memory.self) return;
    this.#memory.saveCounts();
    this.#requests.send(now);
    this.#broker.send(now, isAlarm);
    let at = Number.POSITIVE_INFINITY;
    for (const part of [this.#requests, this.#broker, this.#away, this.#missing, this.#resends, this.#reconciling])
      for (const wanted of part.wantedAt(now)) at = Math.min(at, wanted);
    if (at === Number.POSITIVE_INFINITY) return;
    // Each change of it is billed: one that comes early finds nothing to do.
    if (this.#alarmAt !== null && this.#alarmAt > now && this.#alarmAt <= at) return;
    this.#alarmAt = at;
    this.#platform.setAlarm(at);
  }
}

const isSubscribe = (message: unknown): message is Subscribe =>
  typeof message === "object" && message !== null && "subscribe" in message;

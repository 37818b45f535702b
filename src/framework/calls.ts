/** The calls of the scheduler API, by who may make them and in Mesos' words. */
import { accept } from "./accept.ts";
import { acknowledge } from "./lines.ts";
import { clusterOf, type FrameworkMemory } from "./memory.ts";
import type { CallAnswer, FrameworkCall, FrameworkMethods } from "./methods.ts";
import type { Reconciling } from "./reconcile.ts";
import type { Requests } from "./requests.ts";
import type { Session } from "./session.ts";
import { sizeError } from "./size.ts";
import { executorOf, type Self, type Task } from "./state.ts";
import { rescind } from "./telling.ts";
import { revive, roleNames, strangerError, suppress, updateError } from "./wishes.ts";

type Call<Type extends FrameworkCall["type"]> = Extract<FrameworkCall, { type: Type }>;

const ACCEPTED: CallAnswer = { status: 202, body: "" };
const refused = (body: string): CallAnswer => ({ status: 400, body });

export class Calls {
  readonly #memory: FrameworkMemory;
  readonly #requests: Requests;
  readonly #reconciling: Reconciling;
  readonly #session: Session;

  constructor(memory: FrameworkMemory, requests: Requests, reconciling: Reconciling, session: Session) {
    this.#memory = memory;
    this.#requests = requests;
    this.#reconciling = reconciling;
    this.#session = session;
  }

  answer({ streamId, principal, within, call }: Parameters<FrameworkMethods["call"]>[0], now: number): CallAnswer {
    const { self } = this.#memory;
    // Whoever did not hear that it was done asks again.
    if (self?.state === "removed" && call.type === "TEARDOWN" && streamId !== null && streamId === self.streamId)
      return ACCEPTED;
    if (!self || self.state === "removed") return refused("Framework cannot be found");
    const of = self.info.principal;
    if (principal !== null && of !== null && principal !== of)
      return refused(
        `Authenticated principal '${principal}' does not match principal '${of}' set in \`FrameworkInfo\``,
      );
    const stranger = strangerError(self.info, within);
    if (stranger !== null) return { status: 403, body: stranger };
    if (!this.#memory.isConnected) return { status: 403, body: "Framework is not subscribed" };
    if (streamId === null) return refused("All non-subscribe calls should include the 'Mesos-Stream-Id' header");
    if (streamId !== self.streamId)
      return refused(
        `The stream ID '${streamId}' included in this request didn't match the stream ID currently associated with framework ID ${this.#memory.id}`,
      );
    if (call.type === "UNKNOWN") return { status: 501, body: "501 Not Implemented." };
    const size = call.type === "ACCEPT" ? sizeError("What this ACCEPT asks for", call.operations) : null;
    if (size !== null) return { status: 413, body: size };
    if (call.type === "UPDATE_FRAMEWORK") return this.#update(self, call);
    this.#perform(self, call, now);
    return ACCEPTED;
  }

  #perform(self: Self, call: Exclude<FrameworkCall, { type: "UPDATE_FRAMEWORK" | "UNKNOWN" }>, now: number): void {
    const memory = this.#memory;
    switch (call.type) {
      case "TEARDOWN":
        this.#session.remove(now);
        return;
      case "ACCEPT":
        accept(memory, call, now);
        return;
      case "DECLINE": {
        const offers = new Set(call.offerIds.flatMap((id) => memory.offers.get(id) ?? []));
        memory.count("declined", offers);
        memory.decline(offers, call.refuseMs);
        return;
      }
      case "ACCEPT_INVERSE_OFFERS":
      case "DECLINE_INVERSE_OFFERS":
        this.#answerInverse(call);
        return;
      case "REVIVE":
      case "SUPPRESS":
        this.#wish(self, call);
        return;
      case "KILL":
        this.#kill(call, now);
        return;
      case "SHUTDOWN":
        for (const task of [...memory.tasks.values()])
          if (task.agentId === call.agentId && executorOf(task) === call.executorId) this.#killTask(task, null);
        return;
      case "ACKNOWLEDGE":
        acknowledge(memory, call, now);
        return;
      case "RECONCILE":
        if (call.tasks.length === 0) this.#reconciling.all(now);
        else this.#reconciling.some(call.tasks, now);
        return;
      case "RECONCILE_OPERATIONS":
        for (const { operationId, agentId } of call.operations)
          memory.emit({
            type: "UPDATE_OPERATION_STATUS",
            status: {
              operationId,
              state: "OPERATION_UNKNOWN",
              message: "Reconciliation: Operation is unknown",
              agentId,
              uuid: null,
            },
          });
        return;
      // No operation here waits for an acknowledgement; the others Mesos may drop, too.
      case "ACKNOWLEDGE_OPERATION_STATUS":
      case "MESSAGE":
      case "REQUEST":
    }
  }

  #answerInverse({ type, inverseOfferIds, refuseMs }: Call<"ACCEPT_INVERSE_OFFERS" | "DECLINE_INVERSE_OFFERS">): void {
    const memory = this.#memory;
    const byCluster = new Map<string, string[]>();
    for (const id of new Set(inverseOfferIds)) {
      const inverse = memory.inverseOffers.get(id);
      if (!inverse) continue;
      memory.dropInverse(id);
      const cluster = clusterOf(inverse.agentId);
      byCluster.set(cluster, [...(byCluster.get(cluster) ?? []), id]);
    }
    for (const [cluster, inverseOffers] of byCluster) {
      const isAccepted = type === "ACCEPT_INVERSE_OFFERS";
      const args = { framework: memory.id, inverseOffers, isAccepted, refuseMs };
      memory.ask(inverseOffers[0] ?? "", { cluster, method: "answerInverse", args });
    }
  }

  /** With a role that it does not have, nothing of it counts. */
  #wish(self: Self, { type, roles }: Call<"REVIVE" | "SUPPRESS">): void {
    const all = roleNames(self);
    if (roles.some((role) => !all.includes(role))) return;
    const named = roles.length > 0 ? roles : all;
    if (type === "SUPPRESS" && named.every((role) => self.suppressed.includes(role))) return;
    const next = type === "REVIVE" ? revive(self, named) : suppress(self, named);
    this.#memory.saveSelf({ ...next, rev: self.rev + 1 });
  }

  #kill({ taskId, agentId, graceMs }: Call<"KILL">, now: number): void {
    const task = this.#memory.tasks.get(taskId);
    if (!task) this.#reconciling.some([{ taskId, agentId }], now);
    else if (agentId === null || agentId === task.agentId) this.#killTask(task, graceMs);
  }

  #killTask(task: Task, graceMs: number | null): void {
    if (task.isEnded) return;
    this.#requests.killAgain(task.taskId);
    if (task.kill?.graceMs === graceMs) return;
    task.kill = { graceMs };
    this.#memory.saveTask(task);
  }

  #update(self: Self, call: Call<"UPDATE_FRAMEWORK">): CallAnswer {
    const { info, suppressedRoles, constraints, infoError, optionsError } = call;
    if (infoError !== null) return refused(`Supplied FrameworkInfo is not valid: ${infoError}`);
    const update = updateError(self.info, info);
    if (update !== null) return refused(`FrameworkInfo update is not valid: ${update}`);
    if (optionsError !== null) return refused(`'UpdateFramework' call is not valid: ${optionsError}`);
    const size = sizeError("What this framework says of itself", { info, suppressedRoles, constraints });
    if (size !== null) return { status: 413, body: size };
    const done: CallAnswer = { status: 200, body: "" };
    const before = JSON.stringify([self.info, self.suppressed, self.constraints]);
    if (before === JSON.stringify([info, suppressedRoles, constraints])) return done;
    const roles = new Set(info.roles.map(({ name }) => name));
    const asksAgain = self.suppressed.filter((role) => roles.has(role) && !suppressedRoles.includes(role));
    const next: Self = { ...self, info, suppressed: suppressedRoles, constraints, rev: self.rev + 1 };
    this.#memory.saveSelf(revive(next, asksAgain));
    const offers = [...this.#memory.offers.values()].filter(({ role }) => !roles.has(role));
    for (const { id } of offers) rescind(this.#memory, id);
    this.#memory.giveBack(offers);
    // The form of what follows on its stream depends on them.
    if (JSON.stringify(self.info.capabilities) !== JSON.stringify(info.capabilities))
      this.#memory.emit({ type: "CAPABILITIES", capabilities: info.capabilities });
    return done;
  }
}

/** The life of a framework: it subscribes, loses its stream, comes back, is removed (Mesos' master.cpp, `_subscribe`). */
import type { SocketId } from "../platform/seam.ts";
import { type Away, RESTART_GRACE_MS } from "./away.ts";
import { conclude, type Resends } from "./lines.ts";
import type { FrameworkMemory } from "./memory.ts";
import type { FrameworkEvent, Subscribe } from "./methods.ts";
import { sizeError } from "./size.ts";
import type { Said, Self } from "./state.ts";
import { PRINCIPAL_CHANGED, revive, roleNames, strangerError } from "./wishes.ts";

type Subscription = Subscribe["subscribe"];
/** What is kept with its socket. */
interface Attached {
  streamId: string;
}

const REMOVED: Said = {
  state: "TASK_KILLED",
  source: "SOURCE_MASTER",
  reason: "REASON_FRAMEWORK_REMOVED",
  message: "Framework removed",
  isQueued: false,
};

export class Session {
  readonly #memory: FrameworkMemory;
  readonly #resends: Resends;
  readonly #away: Away;

  constructor(memory: FrameworkMemory, resends: Resends, away: Away) {
    this.#memory = memory;
    this.#resends = resends;
    this.#away = away;
  }

  /** After the object was rebuilt: the stream may have stayed. */
  recall(now: number): void {
    const { self, platform } = this.#memory;
    if (!self || self.state === "removed" || self.streamId === null) return;
    const stays = platform.sockets.list().find(({ data }) => (data as Attached | null)?.streamId === self.streamId);
    if (stays) Object.assign(this.#memory, { socket: stays.id, isStreamOfBefore: true });
    else this.#disconnect(Math.max(self.info.failoverTimeoutMs, RESTART_GRACE_MS), now);
  }

  subscribe(socket: SocketId, subscription: Subscription, now: number): void {
    if (this.#memory.socket === socket) return;
    const error = this.#errorOf(subscription);
    if (error !== null) this.#end(socket, error);
    else this.#accept(socket, subscription, now);
  }

  #errorOf({ info, suppressedRoles, constraints, optionsError, within }: Subscription): string | null {
    const { self } = this.#memory;
    if (self?.state === "removed") return "Framework has been removed";
    const stranger = self && strangerError(self.info, within);
    if (stranger) return stranger;
    if (optionsError !== null) return optionsError;
    if (self && self.info.principal !== info.principal) return PRINCIPAL_CHANGED;
    return sizeError("What this framework says of itself", { info, suppressedRoles, constraints });
  }

  #end(socket: SocketId, message: string): void {
    const event: FrameworkEvent = { type: "ERROR", message };
    this.#memory.platform.sockets.send(socket, event);
    this.#memory.platform.sockets.close(socket);
  }

  #accept(socket: SocketId, { streamId, info, suppressedRoles, constraints }: Subscription, now: number): void {
    const memory = this.#memory;
    const { self } = memory;
    if (memory.socket !== null) this.#end(memory.socket, "Framework failed over");
    memory.giveBack([...memory.offers.values()]);
    const next: Self = {
      revived: {},
      registeredAtMs: now,
      clusters: [],
      toldRev: 0,
      ...self,
      rev: (self?.rev ?? 0) + 1,
      state: "active",
      info: self ? { ...info, user: self.info.user, checkpoint: self.info.checkpoint } : info,
      suppressed: suppressedRoles,
      constraints,
      streamId,
      awayLimitMs: info.failoverTimeoutMs,
      disconnectedMs: 0,
      countedAtMs: now,
      reregisteredAtMs: self ? now : null,
      unregisteredAtMs: null,
    };
    const asking = roleNames(next).filter((role) => !suppressedRoles.includes(role));
    // What it refused on its last stream it may see again.
    memory.saveSelf(self ? revive(next, asking) : next);
    memory.socket = socket;
    memory.isStreamOfBefore = false;
    memory.platform.sockets.attach(socket, { streamId } satisfies Attached);
    memory.emit({ type: "SUBSCRIBED", frameworkId: memory.id });
    this.#resends.sendAll(now);
    const inverseOffers = [...memory.inverseOffers.values()];
    if (inverseOffers.length > 0) memory.emit({ type: "INVERSE_OFFERS", inverseOffers });
  }

  /** Its stream ended, by its client or by a fault of ours; that of an earlier one matters no more. */
  closed(socket: SocketId, isClean: boolean, now: number): void {
    const { self } = this.#memory;
    if (this.#memory.socket !== socket || !self) return;
    const { failoverTimeoutMs } = self.info;
    this.#disconnect(isClean ? failoverTimeoutMs : Math.max(failoverTimeoutMs, RESTART_GRACE_MS), now);
  }

  #disconnect(awayLimitMs: number, now: number): void {
    const memory = this.#memory;
    memory.socket = null;
    memory.giveBack([...memory.offers.values()]);
    const { known } = memory;
    memory.saveSelf({
      ...known,
      state: "inactive",
      rev: known.rev + 1,
      streamId: null,
      awayLimitMs,
      disconnectedMs: 0,
      countedAtMs: now,
    });
    if (awayLimitMs <= 0) this.remove(now);
  }

  tick(now: number): void {
    if (this.#away.tick(now)) this.remove(now);
  }

  /** For ever: what runs is killed by the Clusters, which hear of it from the Broker. */
  remove(now: number): void {
    const memory = this.#memory;
    const { known, socket } = memory;
    for (const key of [...memory.requests.keys()]) memory.answered(key);
    for (const id of [...memory.offers.keys()]) memory.dropOffer(id);
    for (const id of [...memory.inverseOffers.keys()]) memory.dropInverse(id);
    for (const task of [...memory.tasks.values()]) {
      task.queue = [];
      task.kill = null;
      if (!task.isEnded) {
        task.level = { ...task.level, state: "cancelled", reason: "cancelled", atMs: now };
        conclude(task, REMOVED, now);
      }
      memory.complete(task);
    }
    memory.saveSelf({ ...known, state: "removed", rev: known.rev + 1, unregisteredAtMs: now });
    if (socket === null) return;
    memory.socket = null;
    memory.platform.sockets.close(socket);
  }
}

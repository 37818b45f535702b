/**
 * The socket by which one life of an agent is called, as agent/host/broker/wakeSocket.ts keeps it: lost to both ends or
 * silently, noticed by a ping that has no answer, opened again later and later. A call may come twice, late or never.
 */
import { retryMs } from "../../../agent/host/broker/wakeSocket.ts";
import type { AgentHost } from "./agentHost.ts";
import type { MachineTimer } from "./machine.ts";
import type { Chance } from "./random.ts";
import { WORKER } from "./wire.ts";
import type { World } from "./world.ts";

const HANDSHAKE_MS = 15_000;
const PING_MS = 60_000;
const PONG_MS = 10_000;
const STABLE_MS = 120_000;
const LATEST_CALL_MS = 60_000;
const LONGEST_MS = 120_000;
/** The object hears of a silent loss within this. */
const LATEST_CLOSE_MS = 120_000;

export interface WakeParts {
  called(): void;
  changed(open: boolean): void;
}

/** Both ends of a socket that the agent has, or believes to have. */
interface Open {
  openedMs: number;
  /** nothing passes any more, and nobody has told the agent */
  isDead: boolean;
  close: (isClean: boolean) => void;
}

export class WakeLink {
  readonly #world: World;
  readonly #agent: AgentHost;
  readonly #chance: Chance;
  readonly #parts: WakeParts;
  #open: Open | null = null;
  #timer: MachineTimer | null = null;
  #failures = 0;
  #tries = 0;
  #isOver = false;

  constructor(world: World, agent: AgentHost, chance: Chance, parts: WakeParts) {
    this.#world = world;
    this.#agent = agent;
    this.#chance = chance;
    this.#parts = parts;
    this.#try();
  }

  /** The agent dies. */
  close(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#lose(this.#open, this.#chance.of(0.5));
    this.#open = null;
  }

  #try(): void {
    const attempt = ++this.#tries;
    this.#after(HANDSHAKE_MS, () => this.#retry());
    const { network } = this.#world;
    const { link } = this.#agent;
    const isWaitedFor = () => !this.#isOver && attempt === this.#tries && this.#open === null;
    const failed = () => {
      if (isWaitedFor()) this.#retry();
    };
    network.send(
      link,
      () => {
        const cluster = this.#world.clusterOf(this.#agent);
        const open: Open = { openedMs: this.#world.timeline.nowMs, isDead: false, close: () => {} };
        const id = cluster.acceptSocket((event) => {
          if (event.type === "closed") this.#closedByObject(open);
          else this.#call(open, event.message);
        });
        if (id === null) return network.send(link, failed, failed);
        open.close = (isClean) => cluster.closeSocket(id, isClean);
        network.send(
          link,
          () => (isWaitedFor() ? this.#opened(open) : this.#lose(open, false)),
          () => {
            this.#lose(open, false);
            failed();
          },
        );
        const first = { wake: { claims: this.#agent.claims } };
        cluster.hear(id, this.#world.wire.pass("socket.wake", WORKER, cluster.name, first));
      },
      failed,
    );
  }

  #opened(open: Open): void {
    if (open.isDead) {
      this.#retry();
      return;
    }
    this.#open = open;
    this.#pingLater(open);
    this.#parts.changed(true);
    const { network, happenings, timeline } = this.#world;
    if (!this.#chance.of(network.weather.lost) || !happenings.strikes("wake-lost", this.#agent.machine.name)) return;
    timeline.after(this.#chance.spread(1_000, LONGEST_MS), () => {
      if (!this.#world.faulty) return;
      this.#lose(open, this.#chance.of(0.5));
      if (this.#chance.of(0.5)) this.#gone(open);
    });
  }

  /** Nothing passes any more. @param atOnce the object hears of it now */
  #lose(open: Open | null, atOnce: boolean): void {
    if (open === null || open.isDead) return;
    open.isDead = true;
    this.#world.timeline.after(atOnce ? 1 : this.#chance.spread(10, LATEST_CLOSE_MS), () => open.close(false));
  }

  #closedByObject(open: Open): void {
    open.isDead = true;
    if (!this.#world.network.isCut(this.#agent.link)) this.#gone(open);
  }

  /** Whatever is said, it is a call. */
  #call(open: Open, message: unknown): void {
    if (open.isDead) return;
    this.#world.wire.pass("agent.woken", this.#world.clusterOf(this.#agent).name, this.#agent.link, message);
    const { network, happenings, timeline } = this.#world;
    const { link, machine } = this.#agent;
    if (network.isCut(link)) {
      this.#lose(open, false);
      return;
    }
    const { doubled, late } = network.weather;
    const isLate = this.#chance.of(late) && happenings.strikes("wake-late", machine.name);
    const called = () => {
      if (open === this.#open && !open.isDead) this.#parts.called();
    };
    timeline.after(isLate ? this.#chance.spread(200, LATEST_CALL_MS) : this.#chance.int(1, 15), called);
    if (this.#chance.of(doubled) && happenings.strikes("wake-doubled", machine.name))
      timeline.after(this.#chance.spread(1, 3_000), called);
  }

  /** The agent hears that it has no socket any more. */
  #gone(open: Open): void {
    if (open !== this.#open) return;
    this.#open = null;
    if (this.#world.timeline.nowMs - open.openedMs >= STABLE_MS) this.#failures = 0;
    this.#parts.changed(false);
    if (!this.#isOver) this.#retry();
  }

  #pingLater(open: Open): void {
    this.#after(PING_MS * (1 + this.#chance.next()), () => {
      if (this.#world.network.isCut(this.#agent.link)) this.#lose(open, false);
      if (open.isDead) this.#after(PONG_MS, () => this.#gone(open));
      else this.#pingLater(open);
    });
  }

  #retry(): void {
    this.#tries++;
    this.#after(Math.max(1, retryMs(this.#failures++, false, this.#chance.next())), () => this.#try());
  }

  #after(ms: number, run: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#agent.machine.after(ms, () => {
      if (!this.#isOver) run();
    });
  }
}

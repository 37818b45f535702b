/**
 * An agent without processes: the real core and real polls over HTTP, many of them in one process. What it is told to
 * start "runs" for no time and succeeds.
 */
import { Agent, request as httpRequest } from "node:http";
import { z } from "zod";
import { nextWakeMs } from "../../agent/core/poll.ts";
import { noOutput } from "../../agent/core/reply.ts";
import { initialState, type Step, step } from "../../agent/core/step.ts";
import type { AgentEffect, AgentEvent, AgentState } from "../../agent/core/types.ts";
import { WakeSocket } from "../../agent/host/broker/wakeSocket.ts";
import type { JoinReply, PollReply, PollRequest } from "../../src/protocol/agent.ts";

const CAPACITY = { cpus: 4000, mem: 4_096_000 };
/** Longer than any hold. */
const POLL_TIMEOUT_MS = 40_000;

export interface LightOptions {
  url: string;
  joinToken: string;
  name: string;
  /** keeps a wake socket */
  wake?: boolean;
}

const joinReplySchema: z.ZodType<JoinReply> = z.object({
  league: z.string(),
  cluster: z.string(),
  node: z.string(),
  credential: z.string(),
});

const nowMs = (): number => performance.now();

export class LightAgent {
  readonly identity: JoinReply;
  readonly #url: string;
  readonly #connections = new Agent({ keepAlive: true });
  #state: AgentState;
  #wake: NodeJS.Timeout | undefined;
  readonly #wakeSocket: WakeSocket;
  #closed = false;
  /** polls answered */
  polls = 0;
  started = 0;

  private constructor(url: string, identity: JoinReply, first: Step) {
    this.#url = url;
    this.identity = identity;
    this.#state = first.state;
    this.#wakeSocket = new WakeSocket({
      open: (headers) =>
        httpRequest(`${url}/agent/v1/wake`, {
          headers: { authorization: `Bearer ${identity.credential}`, ...headers },
        }),
      called: () => this.#feed({ type: "wake" }),
      changed: (open) => this.#feed({ type: "wake-socket", open }),
      random: Math.random,
      log: () => {},
    });
  }

  /** Whether a broker could call it. */
  get wakeable(): boolean {
    return this.#state.wakeable;
  }

  static async join({ url, joinToken, name, wake = false }: LightOptions): Promise<LightAgent> {
    const response = await fetch(`${url}/agent/v1/join`, {
      method: "POST",
      headers: { authorization: `Bearer ${joinToken}`, "content-type": "application/json" },
      body: JSON.stringify({ name, key: crypto.randomUUID() }),
    });
    if (!response.ok) throw new Error(`join: ${response.status} ${await response.text()}`);
    const identity = joinReplySchema.parse(await response.json());
    const first = initialState([], {
      boot: "light",
      nonce: crypto.randomUUID(),
      inventory: { capacity: CAPACITY, attributes: { node: identity.node }, drivers: ["process"], version: "light" },
      nowMs: nowMs(),
    });
    const agent = new LightAgent(url, identity, first);
    agent.#feed({ type: "guard", alive: true });
    if (wake) agent.#wakeSocket.start();
    return agent;
  }

  #feed(event: AgentEvent): void {
    if (this.#closed) return;
    const { state, effects } = step(this.#state, event, nowMs(), Math.random());
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    clearTimeout(this.#wake);
    const wakeMs = nextWakeMs(this.#state);
    if (Number.isFinite(wakeMs))
      this.#wake = setTimeout(() => this.#feed({ type: "tick" }), Math.max(0, wakeMs - nowMs()));
  }

  #perform(effect: AgentEffect): void {
    if (effect.type === "send") void this.#send(effect.request, effect.waitS);
    if (effect.type !== "start") return;
    const { key } = effect.attempt;
    this.started += 1;
    queueMicrotask(() => {
      this.#feed({ type: "started", key });
      this.#feed({ type: "exited", key, exit: { code: 0, signal: null, ...noOutput() } });
    });
  }

  async #send(request: PollRequest, waitS: number): Promise<void> {
    const reply = await this.#post(`/agent/v1/poll?wait=${waitS}`, request).catch(() => null);
    if (reply === null) this.#feed({ type: "no-reply", seq: request.seq, retryAfterMs: null, rejected: false });
    else this.#feed({ type: "reply", reply });
  }

  /** @returns null for anything but a reply */
  #post(path: string, body: unknown): Promise<PollReply | null> {
    const text = JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${this.identity.credential}`,
        "content-type": "application/json",
        "content-length": Buffer.byteLength(text),
      };
      const options = { method: "POST", headers, agent: this.#connections, timeout: POLL_TIMEOUT_MS };
      const sent = httpRequest(`${this.#url}${path}`, options, async (response) => {
        let answer = "";
        for await (const piece of response) answer += piece;
        this.polls += 1;
        resolve(response.statusCode === 200 ? JSON.parse(answer) : null);
      });
      sent.once("timeout", () => sent.destroy());
      sent.once("error", reject);
      sent.end(text);
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#wake);
    this.#wakeSocket.close();
    this.#connections.destroy();
  }
}

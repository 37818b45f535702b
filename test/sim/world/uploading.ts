/**
 * What one life of an agent does with output, as agent/host/host.ts has it: the real uploads each second, over HTTP that
 * fails, and of what has ended nothing is forgotten before it is uploaded.
 */
import type { Transport } from "#agent/transport";
import type { Exit } from "../../../agent/core/types.ts";
import { Broker } from "../../../agent/host/broker/broker.ts";
import type { Answer, Exchange } from "../../../agent/host/broker/exchange.ts";
import { Uploads } from "../../../agent/host/uploads.ts";
import type { AgentHost } from "./agentHost.ts";
import type { World } from "./world.ts";

const PUMP_MS = 1_000;

interface Key {
  key: string;
  task: string;
  epoch: number;
}

export interface UploadingParts {
  random(): number;
  /** now, when the agent goes on, or never */
  later(run: () => void): void;
  /** @returns false: not now */
  forget(key: string): boolean;
}

export class Uploading {
  readonly #world: World;
  readonly #agent: AgentHost;
  readonly #parts: UploadingParts;
  readonly #uploads: Uploads;
  readonly #added = new Set<string>();
  /** ends that are acked, their output perhaps not yet uploaded */
  readonly #forgotten = new Set<string>();
  #isPumping = false;
  #isOver = false;

  constructor(world: World, agent: AgentHost, parts: UploadingParts) {
    this.#world = world;
    this.#agent = agent;
    this.#parts = parts;
    const { machine } = agent;
    const transport = {
      url: new URL("https://league.example"),
      exchange: (exchange: Exchange) => this.#send(exchange),
    };
    // Of a transport nothing else is used.
    const broker = new Broker(transport as unknown as Transport, "credential");
    this.#uploads = new Uploads({
      outputs: {
        ready: (key, stream) => machine.disk.outputs.get(key)?.written(stream) ?? 0,
        read: (key, stream, offset, length) =>
          machine.disk.outputs.get(key)?.read(stream, offset, length) ?? Buffer.alloc(0),
        drop: () => {},
      },
      upload: async (chunk) => {
        const outcome = await broker.upload(chunk);
        world.outputs.heard(chunk, outcome);
        return outcome;
      },
      uploaded: (key) => this.#forgetIfUploaded(key),
      nowMs: () => machine.now(),
      random: parts.random,
      log: () => {},
    });
  }

  /** streams of ended attempts that are not all uploaded */
  get unfinished(): number {
    return this.#uploads.unfinished;
  }

  add(attempt: Key): void {
    this.#added.add(attempt.key);
    this.#uploads.add(attempt);
    this.#pumpLater();
  }

  end(attempt: Key, { stdout, stderr }: Pick<Exit, "stdout" | "stderr">): void {
    this.add(attempt);
    this.#uploads.end(attempt, stdout, stderr);
    this.#world.timeline.settled();
  }

  follow(keys: readonly string[]): void {
    this.#uploads.follow(keys);
    this.#world.timeline.settled();
  }

  forget(key: string): void {
    this.#forgotten.add(key);
    this.#forgetIfUploaded(key);
    this.#pumpLater();
  }

  close(): void {
    this.#isOver = true;
    this.#uploads.close();
  }

  #send(exchange: Exchange): Promise<Answer> {
    return new Promise((answered, failed) => {
      this.#world.edge.exchange(this.#agent, exchange, (answer) =>
        this.#parts.later(() => {
          if (answer === null) failed(new Error("no answer"));
          else answered(answer);
          this.#world.timeline.settled();
        }),
      );
    });
  }

  /** While there is anything that may have an output. */
  #pumpLater(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#agent.machine.after(PUMP_MS, () => this.#parts.later(() => this.#pump()));
  }

  #pump(): void {
    this.#isPumping = false;
    if (this.#isOver) return;
    this.#uploads.pump();
    this.#world.timeline.settled();
    for (const key of [...this.#forgotten]) this.#forgetIfUploaded(key);
    if (this.#added.size + this.#forgotten.size > 0) this.#pumpLater();
  }

  #forgetIfUploaded(key: string): void {
    if (this.#isOver || !this.#forgotten.has(key) || !this.#uploads.isDone(key)) return;
    if (!this.#parts.forget(key)) return;
    this.#forgotten.delete(key);
    this.#added.delete(key);
    this.#uploads.drop(key);
  }
}

import { createServer, type Server, type ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { JobView, TaskView } from "../../src/model/views.ts";
import { Client } from "../api/client.ts";
import { watchJob } from "./watch.ts";

const ID = "7k2m4x9p1a";

/** A broker of one job whose tasks the test ends. */
class FakeBroker {
  readonly states: TaskView["state"][];
  private readonly server: Server;
  private held: ServerResponse[] = [];
  private streams: ServerResponse[] = [];
  url = "";

  constructor(count: number) {
    this.states = Array.from({ length: count }, () => "running");
    this.server = createServer((request, response) => this.answer(new URL(request.url ?? "/", "http://x"), response));
  }

  async listen(): Promise<Client> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    const address = this.server.address();
    this.url = `http://127.0.0.1:${typeof address === "object" && address?.port}`;
    return new Client({ url: this.url, token: null });
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  job(): JobView {
    const ended = this.states.filter((state) => state === "succeeded").length;
    const over = ended === this.states.length;
    return {
      id: ID,
      name: "",
      state: over ? "succeeded" : "running",
      count: this.states.length,
      gang: null,
      role: "default",
      counts: { waiting: 0, live: this.states.length - ended, succeeded: ended, failed: 0, cancelled: 0 },
      clusters: {},
      partitions: {},
      borrows: [],
      waits: null,
      lastFailure: null,
      resources: {},
      command: "true",
      createdAt: 0,
      endedAt: over ? 1 : null,
    };
  }

  end(index: number): void {
    this.states[index] = "succeeded";
    const job = this.job();
    const event = { at: 1, type: "job.progress", job: ID, counts: job.counts };
    for (const stream of this.streams) stream.write(`data: ${JSON.stringify(event)}\n\n`);
    if (job.state !== "running") for (const held of this.held.splice(0)) held.end(JSON.stringify(job));
  }

  /** Every connection breaks, as when the broker is killed. */
  cutAll(): void {
    this.held = [];
    this.streams = [];
    this.server.closeAllConnections();
  }

  private answer(url: URL, response: ServerResponse): void {
    if (url.pathname === "/v1/events") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": hello\n\n");
      this.streams.push(response);
    } else if (url.pathname.endsWith("/tasks")) {
      const from = Number(url.searchParams.get("after") ?? -1) + 1;
      const items = this.states.map((_, index) => this.task(index)).slice(from);
      response.end(JSON.stringify({ items, next: null }));
    } else if (url.searchParams.has("wait") && this.job().state === "running") {
      this.held.push(response);
    } else {
      response.end(JSON.stringify(this.job()));
    }
  }

  private task(index: number): TaskView {
    const state = this.states[index] ?? "running";
    return { id: `${ID}.${index}`, index, cluster: "north", state, item: null, attempts: [] };
  }
}

let broker: FakeBroker;
let client: Client;
beforeEach(async () => {
  broker = new FakeBroker(3);
  client = await broker.listen();
});
afterEach(() => broker.close());

/** Ends tasks in turn, each when the one before was told. */
async function watched(order: number[], between: () => void = () => {}): Promise<{ told: number[]; job: JobView }> {
  const told: number[] = [];
  const rest = [...order];
  const next = () => {
    const index = rest.shift();
    if (index !== undefined) setTimeout(() => broker.end(index));
  };
  next();
  const job = await watchJob(
    client,
    broker.job(),
    {
      changed() {},
      async ended(tasks) {
        told.push(...tasks.map(({ index }) => index));
        if (tasks.length === 0) return;
        between();
        next();
      },
    },
    new AbortController().signal,
  );
  return { told, job };
}

it("each task is told once, when it has ended, whatever the order", async () => {
  const { told, job } = await watched([2, 0, 1]);
  expect(told).toEqual([2, 0, 1]);
  expect(job.state).toBe("succeeded");
});

it("connections that break in between lose nothing", async () => {
  const { told, job } = await watched([0, 1, 2], () => broker.cutAll());
  expect(told).toEqual([0, 1, 2]);
  expect(job.state).toBe("succeeded");
});

it("watching ends with its signal and the job goes on", async () => {
  const leave = new AbortController();
  const watching = watchJob(client, broker.job(), { changed() {}, async ended() {} }, leave.signal);
  leave.abort();
  expect((await watching).state).toBe("running");
});

it("a token that does not hold any more ends the watching with that problem", async () => {
  const refused = createServer((_request, response) => response.writeHead(401).end());
  await new Promise<void>((resolve) => refused.listen(0, "127.0.0.1", resolve));
  const address = refused.address();
  const stranger = new Client({ url: `http://127.0.0.1:${typeof address === "object" && address?.port}`, token: "x" });
  const watching = watchJob(stranger, broker.job(), { changed() {}, async ended() {} }, new AbortController().signal);
  await expect(watching).rejects.toMatchObject({ code: "unauthenticated" });
  refused.closeAllConnections();
  refused.close();
});

/**
 * A whole league for a test or a measurement: a broker, clusters, agents, all of it real processes in a folder of its
 * own, and ended with it whatever happened.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../../cli/api/client.ts";
import {
  createCluster,
  createToken,
  getCluster,
  getJob,
  listNodes,
  submitJob,
  tasksOf,
} from "../../cli/api/endpoints.ts";
import type { JobSpecInput } from "../../src/model/job.ts";
import { isTerminal } from "../../src/model/states.ts";
import { rootToken } from "../../src/model/token.ts";
import type { JobView, TaskView } from "../../src/model/views.ts";
import { AgentProcess } from "./agent.ts";
import { BrokerProcess } from "./broker.ts";
import { endAllOf, until } from "./processes.ts";
import { removeTraces } from "./traces.ts";

export const LEAGUE = "test";
const PASSABLE_MODE = 0o711;
/** Anyone may write there: tasks may run as another user. */
const OPEN_MODE = 0o777;
const FIRST_PORT = 31_000;
const PORTS_EACH = 20;
/** Longest wait the API holds a request for. */
const HOLD_S = 25;

export interface AgentOptions {
  cpus?: number;
  mem?: string;
  words?: readonly string[];
  program?: string;
  /** the broker's address as this agent sees it */
  url?: string;
}

export class League {
  readonly root: string;
  /** where tasks may leave marks */
  readonly marks: string;
  readonly broker: BrokerProcess;
  readonly client: Client;
  readonly agents: AgentProcess[] = [];
  readonly #joinTokens = new Map<string, string>();

  private constructor(root: string, marks: string, broker: BrokerProcess, client: Client) {
    this.root = root;
    this.marks = marks;
    this.broker = broker;
    this.client = client;
  }

  /** @param words more for the broker's command line */
  static async start(clusters: readonly string[], words: { broker?: readonly string[] } = {}): Promise<League> {
    const root = mkdtempSync(join(tmpdir(), "hansa-test-"));
    chmodSync(root, PASSABLE_MODE);
    const marks = join(root, "marks");
    mkdirSync(marks);
    chmodSync(marks, OPEN_MODE);
    try {
      const broker = await BrokerProcess.on(root, "broker", words.broker);
      await broker.start();
      const client = new Client({ url: broker.url, token: await rootToken(broker.secret, LEAGUE) });
      const league = new League(root, marks, broker, client);
      for (const cluster of clusters) await league.#addCluster(cluster);
      return league;
    } catch (error) {
      await remove(root);
      throw error;
    }
  }

  async #addCluster(cluster: string): Promise<void> {
    await createCluster(this.client, cluster, {});
    const { token } = await createToken(this.client, { scope: "join", cluster, uses: 100, expiresIn: "1h" });
    this.#joinTokens.set(cluster, token);
  }

  /** Starts an agent; several may be starting at once. */
  addAgent(cluster: string, name: string, options: AgentOptions = {}): AgentProcess {
    const agent = new AgentProcess(this.root, {
      cluster,
      name,
      url: options.url ?? this.broker.url,
      joinToken: this.#joinTokens.get(cluster) ?? "",
      cpus: options.cpus ?? 1,
      mem: options.mem ?? "1GiB",
      ports: portsOf(this.agents.length),
      words: options.words ?? [],
      ...(options.program && { program: options.program }),
    });
    this.agents.push(agent);
    agent.start();
    return agent;
  }

  /** Every node of the cluster takes work. */
  async allUp(timeoutMs?: number): Promise<void> {
    for (const cluster of this.#joinTokens.keys()) {
      const wanted = this.agents.filter(({ plan }) => plan.cluster === cluster).length;
      // A node that starts polls before it knows what it has; and the Broker must have heard of it too.
      const areKnown = async () => {
        const up = (await listNodes(this.client, cluster)).filter(({ state }) => state === "up");
        const cpus = up.map(({ capacity }) => capacity.cpus ?? 0);
        const { capacity } = await getCluster(this.client, cluster);
        const inAll = cpus.reduce((sum, n) => sum + n, 0);
        return up.length === wanted && !cpus.includes(0) && (capacity.cpus ?? 0) >= inAll;
      };
      await until(`${wanted} nodes of ${cluster} are up, and what they have is known`, areKnown, timeoutMs);
    }
  }

  submit(spec: JobSpecInput, key: string = crypto.randomUUID()): Promise<JobView> {
    return submitJob(this.client, spec, key);
  }

  /** @returns the job when it is over */
  async ended(id: string, timeoutMs = 120_000): Promise<JobView> {
    const startedAt = performance.now();
    for (;;) {
      const job = await getJob(this.client, id, HOLD_S);
      if (isTerminal(job.state)) return job;
      if (performance.now() - startedAt > timeoutMs) throw new Error(`${id} is ${job.state}: ${JSON.stringify(job)}`);
    }
  }

  async run(spec: JobSpecInput): Promise<JobView> {
    return this.ended((await this.submit(spec)).id);
  }

  async tasks(id: string): Promise<TaskView[]> {
    const tasks: TaskView[] = [];
    for await (const page of tasksOf(this.client, id)) tasks.push(...page);
    return tasks.sort((a, b) => a.index - b.index);
  }

  async task(id: string, index = 0): Promise<TaskView> {
    const task = (await this.tasks(id)).find((other) => other.index === index);
    if (!task) throw new Error(`${id} has no task ${index}`);
    return task;
  }

  /** The whole output of the task's newest attempt. */
  async output(id: string, index = 0, stream: "stdout" | "stderr" = "stdout"): Promise<string> {
    const response = await this.client.send("GET", `/v1/tasks/${id}.${index}/logs`, {
      query: { stream, follow: 1 },
      headers: { accept: "application/octet-stream" },
    });
    return response.text();
  }

  async end(): Promise<void> {
    await remove(this.root);
    for (const { data } of this.agents) removeTraces(data);
  }
}

/** All nodes are one machine. */
function portsOf(agent: number): string {
  const first = FIRST_PORT + agent * PORTS_EACH;
  return `${first}-${first + PORTS_EACH - 1}`;
}

/** Also what a failed test has left running. */
async function remove(root: string): Promise<void> {
  await endAllOf(root);
  rmSync(root, { recursive: true, force: true, maxRetries: 3 });
}

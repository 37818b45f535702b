/** The data folder of an agent is copied, and both are used: one of them is told to leave, and no task runs twice at once. */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Built, builtExecutable } from "../support/executable.ts";
import { AgentProcess } from "./agent.ts";
import { League } from "./league.ts";
import { Marks } from "./marks.ts";
import { lives, until } from "./processes.ts";
import { removeTraces } from "./traces.ts";

const CLUSTERS = ["locked", "beside", "after"];
const TIMEOUT_MS = 60_000;
/** Exit codes of an agent: start it again · do not. */
const RETRY = 2;
const STAY = 5;

let built: Built;
let league: League;
const copies: AgentProcess[] = [];

beforeAll(async () => {
  built = await builtExecutable();
  league = await League.start(CLUSTERS);
}, 30_000);

afterAll(async () => {
  await league?.end();
  for (const { data } of copies) removeTraces(data);
  built?.remove();
}, 30_000);

/** An agent with two tasks that beat, one of which may run on however long its node is away. */
async function running(cluster: string) {
  const agent = league.addAgent(cluster, "n1", { program: built.path });
  const jobs = await Promise.all(
    (["10m", "keep"] as const).map(async (silence) => {
      const marks = new Marks(league.marks, `${cluster}-${silence}`);
      const spec = { command: `${marks.leave}; ${marks.beat}`, clusters: [cluster], retry: { max: 1, backoff: "1s" } };
      const disconnect = silence === "keep" ? silence : { stopAfter: silence };
      return { id: (await league.submit({ ...spec, disconnect, resources: { cpus: 0.1 } })).id, marks, silence };
    }),
  );
  await until("both beat", () => jobs.every(({ marks }) => marks.of(0).length > 0));
  return { agent, jobs };
}

function copyOf(agent: AgentProcess, keepsLock: boolean): AgentProcess {
  const copy = new AgentProcess(league.root, { ...agent.plan, name: "copy" });
  cpSync(agent.data, copy.data, { recursive: true, preserveTimestamps: true });
  if (!keepsLock) rmSync(join(copy.data, "lock"), { force: true });
  copies.push(copy);
  return copy;
}

type Jobs = Awaited<ReturnType<typeof running>>["jobs"];

/**
 * Deadlines are not in the folder: what has one the copy ends at once, and the first may be the one that tells it. Of
 * what has none the copy takes over the process, but the end is written where the first would look for it.
 */
async function runsOneAfterTheOther(jobs: Jobs): Promise<void> {
  for (const { id, marks, silence } of jobs) {
    const [first] = marks.of(0);
    if (silence === "keep") expect(lives(first?.pid ?? 0)).toBe(true);
    else await until("its first attempt is dead", () => !lives(first?.pid ?? 0));
    marks.letEnd();
    expect(await league.ended(id, TIMEOUT_MS)).toMatchObject({ state: "succeeded" });
    expect((await league.task(id)).attempts).toMatchObject([
      silence === "keep" ? { state: "failed", reason: "vanished" } : { state: "failed" },
      { state: "succeeded" },
    ]);
    const [before = [], after = [], ...more] = marks.lives(0);
    expect(more).toEqual([]);
    expect(before.at(-1)?.uptimeS).toBeLessThan(after[0]?.uptimeS ?? 0);
    expect(lives(first?.pid ?? 0)).toBe(false);
  }
}

const takesWork = async (cluster: string, { root }: AgentProcess) => {
  const { id } = await league.run({ command: "pwd", clusters: [cluster], resources: { cpus: 0.1 } });
  expect(await league.output(id)).toContain(root);
};

describe.concurrent("a copied data folder", () => {
  test(
    "with the lock of an agent that lives is not used, and the agent notices nothing",
    async () => {
      const { agent, jobs } = await running("locked");
      const copy = copyOf(agent, true);
      copy.start();
      expect(await copy.ended()).toBe(RETRY);
      for (const { id, marks } of jobs) {
        marks.letEnd();
        expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
        expect((await league.task(id)).attempts).toMatchObject([{ state: "succeeded" }]);
        expect(marks.lives(0)).toHaveLength(1);
      }
      await takesWork("locked", agent);
    },
    TIMEOUT_MS,
  );

  test(
    "used beside the first turns that away, and runs nothing that still runs",
    async () => {
      const { agent, jobs } = await running("beside");
      const copy = copyOf(agent, false);
      copy.start();
      expect(await agent.ended()).toBe(STAY);
      await runsOneAfterTheOther(jobs);
      agent.start();
      expect(await agent.ended()).toBe(STAY);
      await takesWork("beside", copy);
    },
    TIMEOUT_MS,
  );

  test(
    "used after the first goes on with its tasks, and the first is turned away when it comes back",
    async () => {
      const { agent, jobs } = await running("after");
      await agent.kill("SIGTERM");
      const copy = copyOf(agent, true);
      copy.start();
      await until("the copy is heard", () => copy.log.includes("session 2"));
      await takesWork("after", copy);
      agent.start();
      expect(await agent.ended()).toBe(STAY);
      await runsOneAfterTheOther(jobs);
    },
    TIMEOUT_MS,
  );
});

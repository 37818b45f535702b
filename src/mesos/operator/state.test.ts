import { expect, test, vi } from "vitest";
import type { NodeView } from "../../model/views.ts";
import { nodeOf, seenOf, seenTaskOf, statusOf, taskOf } from "../fixture/shown.ts";
import type { Look, SeenFramework, SeenTask } from "./look.ts";
import { oldState, stateSummary } from "./state.ts";

// The build puts it in.
vi.hoisted(() => Reflect.set(globalThis, "HANSA_VERSION", "0.0.0"));

const URL_OF = new URL("http://127.0.0.1:8787/");

function lookAt(nodes: NodeView[], frameworks: SeenFramework[], tasks: SeenTask[] = []): Look {
  return {
    viewer: { league: "lab", role: null },
    nodes: async () => nodes,
    offersHeld: async () => 0,
    roles: async () => [],
    rows: async () => frameworks.map(({ row }) => row),
    frameworks: async () => frameworks,
    tasks: async () => tasks,
  };
}

/** What `/state` is made of, as a test reads it. */
interface Old {
  slaves: { active: boolean; used_resources: { cpus: number } }[];
  frameworks: { id: string; used_resources: { cpus: number }; tasks: { id: string }[] }[];
  completed_frameworks: { id: string }[];
  activated_slaves: number;
  deactivated_slaves: number;
  unreachable_slaves: number;
}
const stateOf = async (look: Look) => (await oldState(look, URL_OF, false)) as unknown as Old;

test("what agents have in use is what frameworks use, the league's own jobs being one", async () => {
  const nodes = [nodeOf("a", { used: { cpus: 3000 } }), nodeOf("b", { used: { cpus: 500 } })];
  const framework = seenOf("f1", ["lab"]);
  framework.row.clusters = { north: { used: { cpus: 2000 }, offered: {} } };
  const { slaves, frameworks } = await stateOf(lookAt(nodes, [framework]));
  const sum = (list: { used_resources: { cpus: number } }[]) =>
    list.reduce((all, { used_resources }) => all + used_resources.cpus, 0);
  expect([sum(slaves), sum(frameworks)]).toEqual([3.5, 3.5]);
  expect(frameworks.map(({ id, used_resources }) => [id, used_resources.cpus])).toEqual([
    ["f1", 2],
    ["hansa", 1.5],
  ]);
});

test("when a framework's use is news that its nodes have not told, the league's own is not below nothing", async () => {
  const framework = seenOf("f1", ["lab"]);
  framework.row.clusters = { north: { used: { cpus: 2000 }, offered: {} } };
  const { frameworks } = await stateOf(lookAt([nodeOf("a")], [framework]));
  expect(frameworks.at(-1)).toMatchObject({ id: "hansa", used_resources: { cpus: 0 } });
});

test("agents are counted as active, deactivated and unreachable; a removed framework is a completed one", async () => {
  const states = ["up", "suspect", "paused", "drained", "up"] as const;
  const nodes = states.map((state, n) => nodeOf(`n${n}`, { state }));
  const gone = seenOf("f1", ["lab"]);
  gone.row.state = "removed";
  const state = await stateOf(lookAt(nodes, [gone]));
  expect(state).toMatchObject({ activated_slaves: 2, deactivated_slaves: 2, unreachable_slaves: 1 });
  expect([state.frameworks.map(({ id }) => id), state.completed_frameworks.map(({ id }) => id)]).toEqual([
    ["hansa"],
    ["f1"],
  ]);
});

test("10,000 agents, 1,000 frameworks and 50,000 tasks are told of in seconds", async () => {
  const nodes = Array.from({ length: 10_000 }, (_, n) => nodeOf(`n${n}`, { used: { cpus: 1000 } }));
  const frameworks = Array.from({ length: 1_000 }, (_, n) => seenOf(`f${n}`, ["lab"]));
  const tasks = frameworks.flatMap((framework, f) =>
    Array.from({ length: 50 }, (_, n) => {
      const status = statusOf(`t${n}`, "TASK_RUNNING");
      return seenTaskOf(framework, taskOf(`t${n}`, [status], {}, { agentId: `north.n${(f * 50 + n) % 10_000}.1` }));
    }),
  );
  const startedAt = performance.now();
  const state = await stateOf(lookAt(nodes, frameworks, tasks));
  expect(state.frameworks[999]?.tasks).toHaveLength(50);
  const { slaves } = (await stateSummary(lookAt(nodes, frameworks, tasks), URL_OF)) as { slaves?: unknown };
  expect(slaves).toHaveLength(10_000);
  // Were any of it quadratic, it would be minutes.
  expect(performance.now() - startedAt).toBeLessThan(10_000);
});

import { describe, expect, test } from "vitest";
import { cpus, operationOf, scalar } from "../fixture/decoded.ts";
import { readOperation } from "./operations.ts";

const CONTEXT = { frameworkId: "f1", principal: null };
const RESOURCES = [cpus(0.1), scalar("mem", 32), scalar("disk", 10)];
const task = (id: string, more: object = {}) => ({
  name: id,
  task_id: { value: id },
  agent_id: { value: "a" },
  resources: [cpus(1)],
  command: { value: "true" },
  ...more,
});

function read(executor: object = {}, tasks: object[] = [task("t1"), task("t2")]) {
  const group = {
    executor: { type: "DEFAULT", executor_id: { value: "e" }, resources: RESOURCES, ...executor },
    task_group: { tasks },
  };
  const operation = readOperation(operationOf({ type: "LAUNCH_GROUP", launch_group: group }), CONTEXT);
  if (operation.type !== "LAUNCH_GROUP") throw new Error(operation.type);
  return operation;
}
const errorOf = (executor: object, tasks?: object[]) => read(executor, tasks).error;

test("TaskGroupRunning: tasks under one executor, whose resources are its own", () => {
  const { executorId, pieces, tasks, error } = read({ framework_id: { value: "f1" } });
  expect([executorId, error]).toEqual(["e", null]);
  expect(pieces).toEqual([{ reservation: null, amounts: { cpus: 100, mem: 32_000, disk: 10_000 }, ports: [] }]);
  expect(tasks.map((each) => [each.taskId, each.executorId, each.template.env.MESOS_EXECUTOR_ID])).toEqual([
    ["t1", "e", "e"],
    ["t2", "e", "e"],
  ]);
});

describe("what is wrong with a group", () => {
  test("a task, by its name", () => {
    expect(errorOf({}, [task("t1"), task("t2", { resources: [] })])).toBe(
      "Task 't2' is invalid: Task uses no resources",
    );
    const docker = { container: { type: "DOCKER", docker: { image: "x" } } };
    expect(errorOf({}, [task("t1", docker)])).toBe(
      "Task 't1' is invalid: Docker ContainerInfo is not supported on the task",
    );
  });

  test("the executor", () => {
    expect(errorOf({ type: null })).toBe("'ExecutorInfo.type' must be set");
    expect(errorOf({ command: { value: "x" } })).toBe("'ExecutorInfo.command' must not be set for 'DEFAULT' executor");
    expect(errorOf({ framework_id: { value: "f2" } })).toBe(
      "ExecutorInfo has an invalid FrameworkID (Actual: f2 vs Expected: f1)",
    );
    expect(errorOf({ type: "CUSTOM", command: { value: "x" } })).toContain("Use the DEFAULT executor");
    expect(errorOf({ resources: [cpus(-1)] })).toContain("Executor uses invalid resources: ");
    const other = { executor: { executor_id: { value: "other" } } };
    expect(errorOf({}, [task("t1", other)])).toBe("The `ExecutorInfo` of task 't1' is different from executor 'e'");
  });

  test("an executor with less than the least", () => {
    const [, mem, disk] = RESOURCES;
    expect(errorOf({ resources: [] })).toBe("Executor 'e' uses less CPUs (None) than the minimum required (0.01)");
    expect(errorOf({ resources: [cpus(0.009), mem, disk] })).toContain("uses less CPUs (0.009)");
    expect(errorOf({ resources: [cpus(1), scalar("mem", 16), disk] })).toBe(
      "Executor 'e' uses less memory (16MB) than the minimum required (32MB)",
    );
    expect(errorOf({ resources: [cpus(1), mem] })).toBe("Executor 'e' uses no disk");
  });
});

/** When a Cluster hears that what it has done its part of is over: a real Broker, real Clusters, agents that are played. */
import { expect, test } from "vitest";
import { PLAYED_INVENTORY, type PlayedAgent } from "../../test/support/playedAgent.ts";
import { PlayedLeague } from "../../test/support/playedLeague.ts";
import { type AttemptKey, parseAttemptKey } from "../model/ids.ts";

const WHOLE = { cpus: Number(PLAYED_INVENTORY.capacity.cpus) / 1000, mem: "64MB" };

const endAll = (agent: PlayedAgent) => {
  for (const key of agent.running) {
    const { task, epoch } = parseAttemptKey(key as AttemptKey);
    agent.end(task, epoch);
  }
};

test("a cluster that always has news of others forgets a job that ended elsewhere after its own part", () => {
  const here = new PlayedLeague(["north", "south"]);
  const [north, south] = [here.join("north", "n1"), here.join("south", "s1")];
  here.submit("both000000", { command: "true", count: 2, resources: WHOLE });
  here.pass(2_000);
  expect([north.running.length, south.running.length]).toEqual([1, 1]);
  endAll(north);
  here.pass(2_000);
  endAll(south);
  here.pass(2_000);
  expect(here.job("both000000").state).toBe("succeeded");
  here.submit("many000000", { command: "true", count: 400, clusters: ["north"], resources: WHOLE });
  for (let i = 0; i < 250; i++) {
    here.pass(1_000);
    endAll(north);
  }
  expect(here.job("many000000").state).toBe("running");
  expect(here.at("north").call("metrics", {})).toMatchObject({ jobs_live: 1 });
});

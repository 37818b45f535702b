/** Where work does not fit is said of the nodes as they are: a real Broker and real Clusters, agents that are played. */
import { expect, test } from "vitest";
import { PlayedLeague } from "../../test/support/playedLeague.ts";
import { ToyNodes } from "../../test/support/toyNodes.ts";

test("work that came back while no node was up is granted again, also if the Broker never heard that none was", () => {
  const here = new PlayedLeague(["north"]);
  const agent = here.join("north", "n1");
  here.agents.pop();
  here.submit("work000000", { command: "true", resources: { cpus: 1 } });
  here.cutOff.add("north");
  here.pass(120_000);
  here.agents.push(agent);
  here.pass(2_000);
  here.cutOff.clear();
  here.pass(60_000);
  expect(agent.running).toHaveLength(1);
});

test("a return that is told again says where it does not fit until nodes are others", () => {
  const toy = new ToyNodes();
  toy.node("n1", 1);
  toy.grant("large", { resources: { cpus: 2 } });
  const again = () => {
    toy.pass(200_000);
    return toy.report("large");
  };
  expect(again()).toMatchObject({ returned: [{ reason: "does-not-fit", partitions: ["default"] }] });
  toy.grant("small", { resources: { cpus: 1 } });
  expect(again()).toMatchObject({ returned: [{ reason: "does-not-fit", partitions: ["default"] }] });
  toy.node("n2", 2);
  expect(again()).toMatchObject({ returned: [{ reason: "does-not-fit", partitions: [] }] });
});

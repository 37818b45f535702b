import { expect, it } from "vitest";
import { dataFolder } from "../broker/dataFolder.ts";
import { nodePlans } from "./plan.ts";

it("four nodes in two clusters offer a quarter of the machine each and never more than all of it", () => {
  const plans = nodePlans(dataFolder("/srv/.hansa"), 7, 10 * 2 ** 30 + 5);
  expect(plans.map(({ cluster, node }) => `${cluster}/${node}`)).toEqual([
    "north/n1",
    "north/n2",
    "south/n1",
    "south/n2",
  ]);
  expect(plans.map(({ cpus }) => cpus)).toEqual([1.75, 1.75, 1.75, 1.75]);
  expect(plans.map(({ memMib }) => memMib)).toEqual([2560, 2560, 2560, 2560]);
  expect(plans.map(({ ports }) => ports)).toEqual(["31000-31249", "31250-31499", "31500-31749", "31750-31999"]);
  expect(new Set(plans.map(({ data }) => data)).size).toBe(4);
});

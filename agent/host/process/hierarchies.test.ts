import { expect, test } from "vitest";
import { hierarchiesOf, trackingOf } from "./hierarchies.ts";

const V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
const V1 = [
  "24 18 0:21 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd",
  "25 18 0:22 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct",
  "26 18 0:22 / /somewhere/cpu rw,nosuid - cgroup cgroup rw,cpu,cpuacct",
  "27 18 0:23 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
  "28 18 0:24 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids",
];
const HYBRID = [...V1, "29 18 0:25 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"];

test("finds the one tree of version 2", () => {
  const found = hierarchiesOf(V2);
  expect(found).toEqual([{ mount: "/sys/fs/cgroup", version: 2, controllers: [] }]);
  expect(trackingOf(found)).toBe(found[0]);
});

test("finds controllers of version 1 where they are mounted, each once, and ends tasks by pids", () => {
  const found = hierarchiesOf(V1.join("\n"));
  expect(found.map(({ mount, controllers }) => [mount, ...controllers])).toEqual([
    ["/sys/fs/cgroup/cpu,cpuacct", "cpu"],
    ["/sys/fs/cgroup/memory", "memory"],
    ["/sys/fs/cgroup/pids", "pids"],
  ]);
  expect(trackingOf(found)?.mount).toBe("/sys/fs/cgroup/pids");
});

test("where both are, tasks are ended by version 2", () => {
  expect(trackingOf(hierarchiesOf(HYBRID.join("\n")))?.version).toBe(2);
  expect(trackingOf(hierarchiesOf("22 1 8:1 / / rw - ext4 /dev/vda rw"))).toBeNull();
});

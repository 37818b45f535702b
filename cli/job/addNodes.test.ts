import { expect, it } from "vitest";
import { addedNodes } from "./addNodes.ts";

it("reads how many, what one has, and where", () => {
  expect(addedNodes("2:cpus=8,mem=32GiB,gpus=4")).toEqual({
    count: 2,
    resources: { cpus: "8", mem: "32GiB", gpus: "4" },
  });
  expect(addedNodes("1:cpus=8@north")).toEqual({ count: 1, cluster: "north", resources: { cpus: "8" } });
  expect(addedNodes("10:gpus=4@north/gpu")).toMatchObject({ count: 10, cluster: "north", partition: "gpu" });
});

it("what is no amount is an attribute, but for the resources that every league has", () => {
  expect(addedNodes("1:cpus=8,licences=2,arch=arm64,gpu_model=A100")).toEqual({
    count: 1,
    resources: { cpus: "8", licences: "2" },
    attributes: { arch: "arm64", gpu_model: "A100" },
  });
  expect(addedNodes("1:mem=lots").resources).toEqual({ mem: "lots" });
});

it("says how to write it", () => {
  for (const typed of ["cpus=8", "two:cpus=8", "2:", "2:cpus=8@", "2:cpus=8@north/gpu/more", "-1:cpus=8", ""]) {
    expect(() => addedNodes(typed), typed).toThrow(/--add-nodes wants N:SHAPE.*2:cpus=8,mem=32GiB,gpus=4/);
  }
  expect(() => addedNodes("2:cpus")).toThrow('--add-nodes wants NAME=VALUE, not "cpus"');
});

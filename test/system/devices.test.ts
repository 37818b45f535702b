/** Ports and GPUs on a real node: each task is told its own, no two that run at once the same, and they come free again. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { JobSpecInput } from "../../src/model/job.ts";
import { League } from "./league.ts";

let league: League;

beforeAll(async () => {
  league = await League.start(["north"]);
  league.addAgent("north", "n1", { words: ["--resource", "gpus=2", "--ports", "40000-40003,8080"] });
  await league.allUp();
}, 30_000);

afterAll(() => league?.end(), 30_000);

/** Tasks that run at once: each waits until all have said what they have. */
async function togetherWith(spec: Partial<JobSpecInput> & { count: number }, words: string): Promise<string[]> {
  const folder = `${league.marks}/${crypto.randomUUID()}`;
  const meet = `mkdir -p -m 777 ${folder}; : >${folder}/$HANSA_INDEX; until [ "$(ls ${folder} | wc -l)" -ge ${spec.count} ]; do sleep 0.05; done`;
  const { id } = await league.submit({ command: `echo ${words}; ${meet}`, ...spec });
  expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
  return Promise.all(Array.from({ length: spec.count }, async (_, index) => (await league.output(id, index)).trim()));
}

test("a port is one task's at a time, and a fixed one comes first", async () => {
  for (let round = 0; round < 2; round++) {
    const resources = { cpus: 0.1, ports: 2 };
    const said = await togetherWith({ count: 2, resources }, "$HANSA_PORTS $HANSA_PORT_0 $HANSA_PORT_1");
    const ports = said.flatMap((line) => {
      const [list = "", first, second] = line.split(" ");
      expect(list).toBe(`${first},${second}`);
      return list.split(",");
    });
    expect(new Set(ports).size).toBe(4);
    for (const port of ports) expect(["8080", "40000", "40001", "40002", "40003"]).toContain(port);
  }
  const spec = { count: 1, ports: [40_002], resources: { cpus: 0.1, ports: 1 } };
  expect(await togetherWith(spec, "$HANSA_PORTS")).toEqual([expect.stringMatching(/^40002,(8080|4000[013])$/)]);
});

test("whole devices are one task's, parts of one are on the same, and who asks for none sees none", async () => {
  const words = "$HANSA_DEVICES/$CUDA_VISIBLE_DEVICES";
  expect((await togetherWith({ count: 2, resources: { cpus: 0.1, gpus: 1 } }, words)).sort()).toEqual(["0/0", "1/1"]);
  expect(await togetherWith({ count: 1, resources: { cpus: 0.1, gpus: 2 } }, words)).toEqual(["0,1/0,1"]);
  const halves = await togetherWith({ count: 2, resources: { cpus: 0.1, gpus: 0.5 } }, words);
  expect(new Set(halves).size).toBe(1);
  const none = await togetherWith({ count: 1, resources: { cpus: 0.1 } }, `\${CUDA_VISIBLE_DEVICES-unset}`);
  expect(none).toEqual([""]);
});

/** Jobs say by which driver they run, nodes what they have, and a job that wants too much memory is told so. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { getJob, listNodes } from "../../cli/api/endpoints.ts";
import { League } from "./league.ts";

let league: League;

beforeAll(async () => {
  league = await League.start(["north"]);
  league.addAgent("north", "n1");
  await league.allUp();
}, 30_000);

afterAll(() => league?.end(), 30_000);

// what a node that is not root has depends on the machine
describe.runIf(process.getuid?.() === 0)("a node whose agent is root", () => {
  test("has a sandbox, in which a job runs by itself", async () => {
    const job = await league.run({ command: "pwd; ls -A /tmp; touch /etc/mine || exit 0", driver: "sandbox" });
    expect(job.state).toBe("succeeded");
    expect(await league.output(job.id, 0)).toBe("/tmp/work\nwork\n");
    expect(await listNodes(league.client, "north")).toMatchObject([
      { drivers: expect.arrayContaining(["process", "sandbox"]) },
    ]);
  }, 20_000);

  test.each(["process", "sandbox"] as const)(
    "ends by %s a task that wants more memory than it asked for",
    async (driver) => {
      const command = "x=$(head -c 90000000 /dev/zero | tr '\\0' x); exit 0";
      const { id } = await league.submit({ command, driver, resources: { mem: "48MiB" } });
      expect((await league.ended(id)).state).toBe("failed");
      expect(await getJob(league.client, id)).toMatchObject({
        lastFailure: { message: "took more than its 48 MiB of memory" },
      });
    },
    20_000,
  );
});

import { expect, test } from "vitest";
import { planInstall, planLines, programOf, type Site } from "./installPlan.ts";
import { lastingSettings } from "./options.ts";

const site: Site = {
  program: ["/usr/local/bin/hansa-agent"],
  data: "/var/lib/hansa-agent",
  configFile: "/var/lib/hansa-agent/agent.json",
  namedConfig: false,
  uid: 0,
  systemd: true,
  environment: {},
};
const config = (plan: ReturnType<typeof planInstall>) => JSON.parse(plan.files[0]?.text ?? "");

test("root under systemd gets a unit; anybody else is started in the background", () => {
  const unit = planInstall(site, {}, null);
  expect(unit).toMatchObject({ starter: "systemd", command: [...site.program, "run", "--data", site.data] });
  expect(unit.files.map(({ path, mode }) => [path, mode])).toEqual([
    ["/var/lib/hansa-agent/agent.json", 0o600],
    ["/etc/systemd/system/hansa-agent.service", 0o644],
  ]);
  for (const other of [{ uid: 1000 }, { systemd: false }]) {
    const plan = planInstall({ ...site, ...other }, {}, null);
    expect(plan.starter).toBe("detached");
    expect(plan.files).toHaveLength(1);
  }
});

test("what is said now wins, however it was written before, and the rest stays", () => {
  const before = JSON.stringify({ runAs: "nobody", cpus: 2, label: { zone: "a" } });
  expect(config(planInstall(site, { "run-as": "trial", label: ["zone=b"] }, before))).toEqual({
    cpus: 2,
    "run-as": "trial",
    label: ["zone=b"],
  });
});

test("the token, and what is said to one command, go into no file", () => {
  const words = ["install", "--token", "secret", "--url", "http://127.0.0.1:1", "--dry-run", "--data", "/d", "--json"];
  const lasting = lastingSettings([...words, "--ca-file", "ca.pem"], { HANSA_AGENT_CPUS: "2" });
  expect(lasting).toEqual({ cpus: "2", url: "http://127.0.0.1:1", "ca-file": `${process.cwd()}/ca.pem` });
});

test("a service finds the proxy that the shell had, in a file that only root reads", () => {
  const environment = { HTTPS_PROXY: 'http://u:p"w@127.0.0.1:3128', no_proxy: "localhost", HOME: "/root" };
  const plan = planInstall({ ...site, environment }, {}, null);
  const file = plan.files.find(({ path }) => path.endsWith("/environment"));
  expect(file).toMatchObject({ mode: 0o600 });
  expect(file?.text).toBe('HTTPS_PROXY="http://u:p\\"w@127.0.0.1:3128"\nno_proxy="localhost"\n');
  expect(planLines(plan, true).join("\n")).not.toContain("3128");
});

test("a named config file is the one that the unit names", () => {
  const plan = planInstall({ ...site, configFile: "/etc/hansa-agent/agent.json", namedConfig: true }, {}, null);
  expect(plan.command).toEqual([
    ...site.program,
    "run",
    "--data",
    site.data,
    "--config",
    "/etc/hansa-agent/agent.json",
  ]);
});

test("a bundle is called by its Node, a compiled program by itself", () => {
  const isFile = (path: string) => path === "/opt/hansa-agent.cjs" || path === "/opt/hansa-agent";
  expect(programOf("/usr/bin/node", "/opt/hansa-agent.cjs", isFile)).toEqual(["/usr/bin/node", "/opt/hansa-agent.cjs"]);
  // to itself that is a file
  expect(programOf("/opt/hansa-agent", "/$bunfs/root/agent", () => true)).toEqual(["/opt/hansa-agent"]);
  expect(programOf("/opt/hansa-agent", "/opt/hansa-agent", isFile)).toEqual(["/opt/hansa-agent"]);
});

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { COMPATIBILITY, capnpConfig } from "./capnp.ts";

const config = {
  listen: "127.0.0.1:8787",
  tls: null,
  bundle: "/srv/hansa/dist/worker/index.js",
  wasm: "/srv/hansa/dist/worker/highs.wasm",
  agent: "/srv/hansa/dist/worker/agent.bin",
  objects: "/var/lib/hansa/objects",
  variables: ["HANSA_SECRET", "HANSA_GENERATION"],
  jsonLogs: false,
};

it("names the four objects with keys that never change, since their files derive from them", () => {
  const text = capnpConfig(config);
  for (const [name, key] of [
    ["BrokerObject", "hansa-broker"],
    ["ClusterObject", "hansa-cluster"],
    ["FrameworkObject", "hansa-framework"],
    ["ShelfObject", "hansa-shelf"],
  ]) {
    expect(text).toContain(`(className = "${name}", uniqueKey = "${key}", enableSql = true)`);
  }
  for (const binding of ["BROKER", "CLUSTER", "FRAMEWORK", "SHELF"])
    expect(text).toContain(`(name = "${binding}", durableObject`);
});

it("gives the bundle the modules that it imports, by the names they have there", () => {
  const text = capnpConfig(config);
  expect(text).toContain('(name = "index.js", esModule = embed "/srv/hansa/dist/worker/index.js")');
  expect(text).toContain('(name = "highs.wasm", wasm = embed "/srv/hansa/dist/worker/highs.wasm")');
  expect(text).toContain('(name = "agent.bin", data = embed "/srv/hansa/dist/worker/agent.bin")');
});

it("names variables and never their values", () => {
  expect(capnpConfig(config)).toContain('(name = "HANSA_SECRET", fromEnvironment = "HANSA_SECRET")');
});

it("speaks HTTPS when it has a certificate", () => {
  expect(capnpConfig(config)).toContain("http = ()");
  const text = capnpConfig({ ...config, tls: { certificate: "/etc/tls/chain.pem", key: "/etc/tls/key.pem" } });
  expect(text).toContain('privateKey = embed "/etc/tls/key.pem", certificateChain = embed "/etc/tls/chain.pem"');
  expect(text).not.toContain("http = ()");
});

it("quotes what would end a text", () => {
  expect(capnpConfig({ ...config, objects: '/a"b\\c' })).toContain('path = "/a\\"b\\\\c"');
});

it("the runtime is the one that wrangler.toml deploys to", () => {
  const deployed = readFileSync(new URL("../../wrangler.toml", import.meta.url), "utf8");
  expect(deployed).toContain(`compatibility_date = "${COMPATIBILITY.date}"`);
  expect(deployed).toContain(`compatibility_flags = ${JSON.stringify(COMPATIBILITY.flags)}`);
});

import { expect, it } from "vitest";
import { systemdUnit } from "./unit.ts";

const command = ["/usr/bin/node", "/opt/hansa/dist/hansa.mjs", "serve", "--data", "/var/lib/hansa"];

it("a folder under /var/lib is made by systemd for the user", () => {
  const unit = systemdUnit({ command, data: "/var/lib/hansa", user: "hansa", port: 8787 });
  expect(unit).toContain("StateDirectory=hansa\n");
  expect(unit).toContain("ExecStart=/usr/bin/node /opt/hansa/dist/hansa.mjs serve --data /var/lib/hansa\n");
  expect(unit).toContain("User=hansa\n");
});

it("any other folder is only opened for writing", () => {
  const unit = systemdUnit({ command, data: "/srv/hansa", user: "hansa", port: 8787 });
  expect(unit).toContain("ReadWritePaths=/srv/hansa\n");
  expect(unit).not.toContain("StateDirectory");
});

it("a low port takes a capability and no other does", () => {
  const plan = { command, data: "/var/lib/hansa", user: "hansa" };
  expect(systemdUnit({ ...plan, port: 443 })).toContain("AmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  expect(systemdUnit({ ...plan, port: 8787 })).not.toContain("Capabilities");
});

it("words keep their meaning", () => {
  const unit = systemdUnit({
    command: ["/usr/bin/node", "/my apps/100%$x"],
    data: "/srv/hansa",
    user: "hansa",
    port: 8787,
  });
  expect(unit).toContain('ExecStart=/usr/bin/node "/my apps/100%%$$x"\n');
});

it("refuses a relative folder", () => {
  expect(() => systemdUnit({ command, data: ".hansa", user: "hansa", port: 8787 })).toThrow(/whole path/);
});

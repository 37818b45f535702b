/** The systemd unit for a self-hosted broker. */
import { dirname, isAbsolute } from "node:path";
import { Problem } from "../../src/model/problems.ts";

export interface UnitPlan {
  /** the program and its words: node, the script, `serve`, its options */
  command: readonly string[];
  /** absolute */
  data: string;
  user: string;
  port: number;
}

/** workerd ends when it has no file descriptor left: 2 for a held poll, 3 for an object in use. */
const OPEN_FILES = 65_536;
/** Ports below are root's, or take a capability. */
const FIRST_FREE_PORT = 1024;
const STATE_ROOT = "/var/lib";

/** One word of an ExecStart line: `%` and `$` mean something there, also in quotes. */
function word(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[A-Za-z0-9_./:@=%+,*-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

export function systemdUnit({ command, data, user, port }: UnitPlan): string {
  if (!isAbsolute(data)) throw new Problem("invalid-request", `--data must be a whole path in a unit, not ${data}`);
  const owned = dirname(data) === STATE_ROOT;
  return `[Unit]
Description=Hansa broker
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
User=${user}
ExecStart=${command.map(word).join(" ")}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=1
KillMode=mixed
TimeoutStopSec=15
LimitNOFILE=${OPEN_FILES}
UMask=0077
${owned ? `StateDirectory=${data.slice(STATE_ROOT.length + 1)}` : `ReadWritePaths=${word(data)}`}
ProtectSystem=strict
PrivateTmp=yes
NoNewPrivileges=yes
${port < FIRST_FREE_PORT ? "AmbientCapabilities=CAP_NET_BIND_SERVICE\n" : ""}
[Install]
WantedBy=multi-user.target
`;
}

/** The systemd unit of an agent. Its tasks survive every restart of it, an upgrade too. */

export const UNIT = "hansa-agent.service";
export const UNIT_PATH = `/etc/systemd/system/${UNIT}`;

export interface UnitPlan {
  /** the program and its words, absolute */
  command: readonly string[];
  /** holds what the environment shall have besides; it need not be there */
  environmentFile: string;
}

/** One word of an ExecStart line: `%` and `$` mean something there, also in quotes. */
export function unitWord(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[A-Za-z0-9_./:@=%+,*-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/**
 * `KillMode=process`: where cgroups can't be made, tasks are in the unit's own. No `Delegate`: with it a unit whose
 * tasks live on can't be started again. SIGABRT, which the watchdog sends by default, a compiled agent takes for a crash of
 * its runtime, and says so at length. Exit codes: 0 ended or drained as asked, 5 removed, 64 wrong words.
 */
export function systemdUnit({ command, environmentFile }: UnitPlan): string {
  return `[Unit]
Description=Hansa node agent
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=all
ExecStart=${command.map(unitWord).join(" ")}
ExecReload=/bin/kill -HUP $MAINPID
EnvironmentFile=-${environmentFile.replaceAll("%", "%%")}
KillMode=process
Restart=always
RestartSec=2
RestartPreventExitStatus=0 5 64
WatchdogSec=60
WatchdogSignal=SIGKILL
TimeoutStartSec=180
TimeoutStopSec=90
OOMPolicy=continue
OOMScoreAdjust=-500
LimitNOFILE=65536
TasksMax=infinity

[Install]
WantedBy=multi-user.target
`;
}

/** What an agent says of itself: to `hansa-agent status`, on its HTTP endpoints, and in its log. */

export interface AgentStatus {
  version: string;
  pid: number;
  node: string;
  cluster: string;
  league: string;
  url: string;
  data: string;
  runAs: string;
  /** `cgroup`, or why there is none */
  isolation: string;
  session: number;
  action: string;
  /** how long ago the loop last went round, and whether that is recent enough */
  loop: { turning: boolean; progressAgoMs: number };
  polls: { answers: number; failures: number; answeredAgoMs: number | null; lastFailure: string | null };
  guard: { alive: boolean; pid: number | null };
  /** the broker can call it */
  wake: boolean;
  pressure: readonly string[];
  draining: boolean;
  journalBytes: number;
  uploadsWaiting: number;
  attempts: { key: string; phase: string; pid: number | null; deadlineInMs: number | null }[];
}

/** A loop that has not gone round for so long stands still; it goes round every second. */
export const LOOP_STILL_MS = 15_000;

const PHASES = ["accepted", "starting", "running", "stopping", "ended"];

type Sample = [name: string, type: "gauge" | "counter", help: string, values: [labels: string, value: number][]];

/** Prometheus' text format. */
export function metricsText(status: AgentStatus): string {
  const one = (value: number): [string, number][] => [["", value]];
  const { version, node, cluster, league, loop, polls, guard, pressure, attempts } = status;
  const info = Object.entries({ version, node, cluster, league }).map(([name, value]) => `${name}=${label(value)}`);
  const samples: Sample[] = [
    ["hansa_agent_info", "gauge", "who this is", [[`{${info.join(",")}}`, 1]]],
    ["hansa_agent_session", "counter", "starts of this agent on its data folder", one(status.session)],
    ["hansa_agent_loop_age_seconds", "gauge", "since the loop last went round", one(loop.progressAgoMs / 1000)],
    [
      "hansa_agent_polls_total",
      "counter",
      "polls by outcome, since this agent started",
      [
        ['{outcome="answered"}', polls.answers],
        ['{outcome="failed"}', polls.failures],
      ],
    ],
    [
      "hansa_agent_poll_age_seconds",
      "gauge",
      "since the broker last answered",
      polls.answeredAgoMs === null ? [] : one(polls.answeredAgoMs / 1000),
    ],
    ["hansa_agent_guard_up", "gauge", "the guard lives: without it nothing starts", one(Number(guard.alive))],
    ["hansa_agent_wake_open", "gauge", "the broker can call", one(Number(status.wake))],
    [
      "hansa_agent_pressure",
      "gauge",
      "why nothing new is taken",
      ["disk", "mem", "draining"].map((reason) => [`{reason=${label(reason)}}`, Number(pressure.includes(reason))]),
    ],
    [
      "hansa_agent_attempts",
      "gauge",
      "attempts by phase",
      PHASES.map((phase) => [`{phase=${label(phase)}}`, attempts.filter((attempt) => attempt.phase === phase).length]),
    ],
    ["hansa_agent_uploads_waiting", "gauge", "outputs not yet with the broker", one(status.uploadsWaiting)],
    ["hansa_agent_journal_bytes", "gauge", "size of the journal", one(status.journalBytes)],
  ];
  return samples
    .filter(([, , , values]) => values.length > 0)
    .flatMap(([name, type, help, values]) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...values.map(([labels, value]) => `${name}${labels} ${value}`),
    ])
    .map((line) => `${line}\n`)
    .join("");
}

const label = (value: string): string =>
  `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;

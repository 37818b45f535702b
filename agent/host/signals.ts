/** What a signal to the agent means. A second one that would end it ends it at once. */

export type Wish = "leave" | "leave-with-tasks" | "exit" | "reload" | "tell";

export const SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1"] as const;
export type AgentSignal = (typeof SIGNALS)[number];

/** @param leaving it was asked to end before */
export function wishOf(signal: AgentSignal, leaving: boolean): Wish {
  switch (signal) {
    case "SIGHUP":
      return "reload";
    case "SIGUSR1":
      return "tell";
    case "SIGQUIT":
      return leaving ? "exit" : "leave-with-tasks";
    default:
      return leaving ? "exit" : "leave";
  }
}

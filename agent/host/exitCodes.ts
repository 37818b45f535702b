/** What the agent's exit code tells its supervisor. */
export const EXIT = {
  /** stopped, as asked */
  ok: 0,
  /** `doctor`, `status`: something is not as it should be */
  unwell: 1,
  /** start me again in a while */
  retry: 2,
  /** starting me again will not do: removed, or to join anew */
  stay: 5,
  usage: 64,
} as const;

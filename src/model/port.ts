/** The last port that there is; the first is 1. */
export const MAX_PORT = 65_535;

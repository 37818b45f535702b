/**
 * Times in which some faults come far more often, in small leagues: what it takes two or three of them for, in the right
 * order, is seen in few of all leagues.
 */
export const SEASONS = [
  "restores", // the Broker wakes on a backup, cut off from a Cluster, and its clock leaps
  "rebuilds", // Clusters lose their rows while some of their nodes don't get through, and then their clock leaps
  "clocks", // a Cluster's time is set several times while some of its nodes don't get through
  "leaps", // of every Cluster, three within one silence of its nodes
  "drifts", // work may run on for hours unseen, clocks are 1 % apart, as far as the margin covers, and nodes are cut off for longer
  "deaf", // objects are heard by others, and don't hear them
  "echoes", // much of what is said is heard again, minutes later
  "unguarded", // no guard of a node can be started, for a while
  "suspends", // machines sleep and wake
  "replays", // nodes lose their data, and old replies come to who joins anew
] as const;

export type Season = (typeof SEASONS)[number];

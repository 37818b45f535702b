/** How a node runs a task. Which of them it has is part of its inventory. */
export const DRIVERS = ["process", "docker"] as const;
export type DriverName = (typeof DRIVERS)[number];
export const DEFAULT_DRIVER: DriverName = "process";

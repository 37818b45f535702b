/** The machines and the tasks that instances of `bench:place` are drawn from: amounts as people write them, and weights. */

export interface Kind {
  name: string;
  weight: number;
  cpus: number;
  gib: number;
  gpus?: number;
  attributes: Readonly<Record<string, string>>;
}

export const KINDS: readonly Kind[] = [
  { name: "small", weight: 30, cpus: 8, gib: 32, attributes: { arch: "x64" } },
  { name: "medium", weight: 30, cpus: 32, gib: 128, attributes: { arch: "x64", ssd: "nvme" } },
  { name: "arm", weight: 12, cpus: 64, gib: 128, attributes: { arch: "arm64" } },
  { name: "large", weight: 8, cpus: 96, gib: 384, attributes: { arch: "x64", ssd: "nvme" } },
  { name: "memory", weight: 6, cpus: 32, gib: 512, attributes: { arch: "x64", ssd: "nvme" } },
  { name: "t4", weight: 8, cpus: 32, gib: 128, gpus: 4, attributes: { arch: "x64", gpu_model: "T4" } },
  { name: "a100", weight: 6, cpus: 96, gib: 768, gpus: 8, attributes: { arch: "x64", gpu_model: "A100", ssd: "nvme" } },
];

export const ZONES = ["a", "b", "c", "d"] as const;
/** Nodes that stand together, and how many racks there are if they are so large. */
export const RACK_NODES = { least: 2, most: 40 };
export const RACKS = 250;

/** What one task of a class needs. */
export interface Need {
  weight: number;
  cpus: number;
  gib: number;
  gpus?: number;
  ports?: number;
}

export const NEEDS: readonly Need[] = [
  { weight: 14, cpus: 0.5, gib: 1 },
  { weight: 20, cpus: 1, gib: 2 },
  { weight: 18, cpus: 2, gib: 8 },
  { weight: 16, cpus: 4, gib: 16 },
  { weight: 9, cpus: 8, gib: 24 },
  { weight: 4, cpus: 2, gib: 48 },
  { weight: 6, cpus: 1, gib: 2, ports: 1 },
  { weight: 3, cpus: 2, gib: 8, gpus: 0.25 },
  { weight: 3, cpus: 4, gib: 16, gpus: 0.5 },
  { weight: 3, cpus: 4, gib: 16, gpus: 1 },
  { weight: 0.6, cpus: 16, gib: 64, gpus: 4 },
  { weight: 0.4, cpus: 32, gib: 256, gpus: 8 },
];

/** Of a class that needs no GPU. */
export const CONSTRAINTS: readonly { weight: number; rules: readonly string[] }[] = [
  { weight: 50, rules: [] },
  { weight: 20, rules: ["arch = x64"] },
  { weight: 6, rules: ["arch = arm64"] },
  { weight: 10, rules: ["has ssd"] },
  { weight: 10, rules: ["zone in a, b"] },
  { weight: 4, rules: ["arch = x64", "has ssd", "zone != c"] },
];

/** Of one that does. */
export const GPU_CONSTRAINTS: typeof CONSTRAINTS = [
  { weight: 50, rules: [] },
  { weight: 25, rules: ["gpu_model = A100"] },
  { weight: 15, rules: ["gpu_model = T4"] },
  { weight: 10, rules: ["gpu_model = A100", "zone in a, b, c"] },
];

export const PRIORITIES: readonly { weight: number; priority: number }[] = [
  { weight: 15, priority: 20 },
  { weight: 60, priority: 50 },
  { weight: 20, priority: 70 },
  { weight: 5, priority: 90 },
];

/** `part`: of everything in the cluster, its tasks may use at most this at once. */
export const ROLES: readonly { role: string; weight: number; part: number }[] = [
  { role: "web", weight: 20, part: 0.5 },
  { role: "web/batch", weight: 10, part: 0.2 },
  { role: "lab", weight: 15, part: 0.4 },
  { role: "lab/vision", weight: 15, part: 0.4 },
  { role: "lab/language", weight: 10, part: 0.3 },
  { role: "builds", weight: 15, part: 0.3 },
  { role: "reports", weight: 10, part: 0.2 },
  { role: "guests", weight: 5, part: 0.04 },
];

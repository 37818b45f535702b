/** Seeds that once found a bug, and what it was; docs/faults.md tells the stories whole. */
export interface Found {
  seed: number;
  story: string;
}

export const FOUND: readonly Found[] = [];

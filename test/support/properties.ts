/**
 * Properties are tried with the same cases in every run, so that a commit that passes passes again. Others are drawn by
 * hand: `HANSA_SEED=7 HANSA_RUNS=5000 npx vitest run --project unit src/scheduling`.
 */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env.HANSA_SEED ?? 1) });

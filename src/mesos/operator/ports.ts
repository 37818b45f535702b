/** Single ports as the ranges that they make. */
import type { PortRanges } from "../../model/framework.ts";
import { mergePorts } from "../../model/pieces.ts";

export const portRanges = (ports: readonly number[]): PortRanges =>
  mergePorts(
    ports.map((port) => [port, port] as const),
    [],
  );

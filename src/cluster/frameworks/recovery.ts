/**
 * What earlier incarnations of this Cluster launched, and the rows that would tell are lost: the Broker charges it until it
 * hears that nothing of it can run any more. Nodes that show it within the recovery are renewed, and later told to stop it.
 */
import type { Forgotten } from "../../protocol/frameworks.ts";
import { RECOVERY_MS } from "../../protocol/levels.ts";
import { type ClusterMemory, NOT_RECOVERING } from "../memory.ts";
import { silenceElapsed } from "../rules.ts";
import type { FrameworkHere } from "./state.ts";

/** Every gen tells it again. */
export function recover(memory: ClusterMemory, here: FrameworkHere, forgotten: Forgotten): void {
  if (here.recovery?.gen === forgotten.gen) return;
  here.recovery = { ...forgotten, isOver: false };
  memory.frameworks.note(here);
  if (memory.self.recoverMs === NOT_RECOVERING) memory.startRecovery();
}

/** A node that was renewed at the end of the recovery may be silent since. */
export function endRecoveries({ frameworks, self }: ClusterMemory): void {
  for (const here of frameworks.byId.values()) {
    const { recovery } = here;
    if (recovery === null || recovery.isOver) continue;
    if (!silenceElapsed(self.recoverMs - RECOVERY_MS, recovery.lostAfterMs)) continue;
    here.recovery = { ...recovery, isOver: true };
    frameworks.note(here);
    here.touch();
  }
}

export function isAnyRecovering({ frameworks }: ClusterMemory): boolean {
  for (const { recovery } of frameworks.byId.values()) if (recovery?.isOver === false) return true;
  return false;
}

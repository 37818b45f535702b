/** `hansa apply`: makes the league as a file says. */
import type { Command } from "commander";
import { Problem } from "../../src/model/problems.ts";
import { type AccessOptions, type App, does, sessionOf, withAccess } from "../app.ts";
import { countLine, labelNotes, perform, readPresent, stepLine } from "../configuration/apply.ts";
import { parseConfiguration } from "../configuration/file.ts";
import { planOf, type Step } from "../configuration/plan.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { readText } from "../readText.ts";
import { printJson, type Session } from "../session.ts";
import { saysYes } from "../show/question.ts";

interface ApplyOptions extends AccessOptions {
  dryRun?: boolean;
  prune?: boolean;
  yes?: boolean;
}

export function addApply(program: Command, app: App): void {
  const command = program
    .command("apply")
    .description("make settings, roles, clusters and partitions as a file says (YAML or JSON)")
    .argument("<file>", "the file; - is standard input")
    .option("--dry-run", "only say what would be done")
    .option("--prune", "remove what the file does not name: roles, and partitions of the clusters that it names")
    .option("-y, --yes", "with --prune: do not ask")
    .addHelpText(
      "after",
      `
Every part may be left out; fields are those of the API. Applied again, it changes nothing.

  league: { objective: completion-time, historyHalfLife: 1h }
  roles:
    lab/ml: { weight: 2, guarantee: { cpus: 4 }, limit: { gpus: 4 } }
  clusters:
    north:
      labels: { region: eu }
      partitions:            # the first that a node satisfies has it; the rest is in default
        gpu: { nodes: ["gpu_model = T4"], owner: lab/ml, lend: { gpus: 50% }, pack: pack }
        default: { lend: none }`,
    );
  does(app, withAccess(command), async (path: string, options: ApplyOptions) => {
    const wanted = parseConfiguration(await readText(app.cwd, path), path === "-" ? "standard input" : path);
    const session = sessionOf(app, options);
    const present = await readPresent(session.client, wanted);
    for (const line of labelNotes(wanted, present)) session.terminal.note(line);
    return apply(session, planOf(wanted, present, options.prune ?? false), options);
  });
}

async function apply(session: Session, steps: readonly Step[], options: ApplyOptions): Promise<ExitCode> {
  const { client, terminal, json } = session;
  const told = (step: Step, notes: readonly string[] = []) => {
    if (!json) terminal.out(stepLine(step));
    for (const note of notes) terminal.note(`note: ${note}`);
  };
  if (options.dryRun) for (const step of steps) told(step);
  else if (await mayRemove(session, steps, options)) await perform(client, steps, told);
  else {
    terminal.note("nothing was changed");
    return EXIT.ok;
  }
  if (json) {
    const things = steps.map(({ kind, name, outcome, changes }) => ({ kind, name, outcome, changes }));
    printJson(terminal, { dryRun: options.dryRun ?? false, things });
  } else terminal.note(options.dryRun ? `would be: ${countLine(steps)}; nothing was changed` : countLine(steps));
  return EXIT.ok;
}

/** A person is asked before something is removed; a script has said so. */
async function mayRemove({ terminal }: Session, steps: readonly Step[], { yes }: ApplyOptions): Promise<boolean> {
  const removed = steps.filter(({ outcome }) => outcome === "removed");
  if (removed.length === 0 || yes || !terminal.interactive) return true;
  if (!process.stdin.isTTY) {
    throw new Problem("invalid-request", "with --prune something would be removed: see --dry-run, then say --yes");
  }
  for (const step of removed) terminal.note(`to be removed: ${step.kind} ${step.name}`);
  return saysYes(`Remove ${removed.length === 1 ? "it" : `these ${removed.length}`}? [y/N] `);
}

/** What a long-running command tells: sentences for a person, or one JSON object a line. */
import type { Terminal } from "../show/terminal.ts";
import type { BrokerEvents } from "./workerd.ts";

export type Say = (event: string, sentence: string, facts?: Record<string, string | number>) => void;

export const speaker = (terminal: Terminal, json: boolean): Say =>
  json
    ? (event, message, facts) =>
        terminal.note(JSON.stringify({ at: new Date().toISOString(), event, message, ...facts }))
    : (_event, message) => terminal.note(message);

export const brokerEvents = (say: Say, spawned: () => void): BrokerEvents => ({
  spawned,
  died: (how, againInMs) =>
    say("broker-died", `the broker ended unexpectedly (${how}); it is started again`, { how, againInMs }),
  back: () => say("broker-back", "the broker answers again"),
});

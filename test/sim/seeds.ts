/** Seeds that once found a bug, and what it was; docs/faults.md tells the stories whole. */
import type { Season } from "./faults/season.ts";

export interface Found {
  seed: number;
  /** absent: none */
  season?: Season;
  /** too long for the part that runs with the tests: `npm run sim -- --found` tells all */
  isLong?: true;
  story: string;
}

export const FOUND: readonly Found[] = [
  { seed: 5, isLong: true, story: "a bar that other shapes had lifted was back after a crash of the Broker" },
  {
    seed: 7,
    isLong: true,
    story: "a Broker that was restored went on waiting for what had ended in another cluster since",
  },
  { seed: 96, isLong: true, story: "a cluster whose clock leapt while a report was on its way woke each millisecond" },
  { seed: 212, story: "a Cluster that crashed forgot what a cancel had ended without a row" },
  { seed: 9, story: "a cluster was never told that a job was over which had ended elsewhere" },
  {
    seed: 10,
    isLong: true,
    story:
      "a cluster spun, and kept offers of a framework that was torn down; " +
      "a job that fits no node of a cluster was granted to it again as soon as it came back, for ever",
  },
  { seed: 2016, story: "what frameworks might run in a cluster that lost its rows kept the whole league from others" },
  { seed: 2019, isLong: true, story: "a node that had joined anew took an old reply to the one that it was before" },
  { seed: 2042, isLong: true, story: "a Broker whose clock was set back poked nobody until it had caught up" },
  { seed: 2124, story: "what was reserved no more stayed charged, as its Cluster crashed before it told so" },
  { seed: 4021, isLong: true, story: "rounds went to and fro sixty times a second, since offers changed with each" },
  { seed: 4060, story: "an old copy of a poll hid that a node rests, and it was taken for silent" },
  { seed: 10029, story: "what the last task of a job did not run in was kept for the job" },
  { seed: 10132, story: "who followed the events missed those that a crashed Broker had not sent" },
  {
    seed: 20026,
    isLong: true,
    story: "a job was let in and put out in turns, as its role owed what it had to another",
  },
  { seed: 20054, story: "two gangs that fit on no nodes together were granted and given back in turns" },
  {
    seed: 20301,
    isLong: true,
    story: "a scheduler never heard that an offer was rescinded, as its Framework object died with the word",
  },
  { seed: 5020, story: "an agent that woke from a suspend gave a task its whole grace, beyond its deadline" },
  { seed: 5025, isLong: true, story: "a node at rest whose clock is slow was taken for silent" },
  {
    seed: 20189,
    story: "work that came back while no node was up was barred where nodes were up by the time that was heard",
  },
  {
    seed: 345,
    isLong: true,
    story: "a restored Broker took a late copy of a submission, and what it had started ran twice",
  },
  { seed: 150, story: "a node that could not tell its guard was given the same task eight times a second" },
  { seed: 20406, story: "a cluster without nodes woke each millisecond while a gang waited for its own end" },
  { seed: 3, season: "suspends", story: "places were kept on a node that still ran what was given up" },
  {
    seed: 29,
    season: "restores",
    story: "what was submitted again after a restore, and cancelled, was over and still ran",
  },
  { seed: 20128, isLong: true, story: "an old copy of a first poll kept a node from work for as long as it rested" },
  {
    seed: 51,
    season: "leaps",
    isLong: true,
    story: "offers on their way back were counted beside what was offered anew, and a job starved",
  },
  { seed: 24, season: "clocks", story: "a restored cluster let a node run on what the Broker gave to another" },
  {
    seed: 20285,
    story: "offers that went from one framework to another ended a claim again and again before its grace was over",
  },
  { seed: 1006, isLong: true, story: "places of a gang were chosen on a node before it had told what it runs" },
  { seed: 882010, isLong: true, story: "a cluster that lost its rows wrote the end of an earlier attempt nowhere" },
  {
    seed: 2032,
    isLong: true,
    story: "what frameworks might have used before a restore kept an empty league from others",
  },
  { seed: 20049, isLong: true, story: "a restored cluster wrote the end of an attempt of which it had no row nowhere" },
];

CREATE TABLE `cluster` (
	`name` text PRIMARY KEY NOT NULL,
	`body` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `offer` (
	`id` text PRIMARY KEY NOT NULL,
	`body` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `request` (
	`key` text PRIMARY KEY NOT NULL,
	`body` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `self` (
	`id` integer PRIMARY KEY NOT NULL,
	`generation` integer NOT NULL,
	`rev` integer NOT NULL,
	`told_rev` integer NOT NULL,
	`disconnected_ms` integer NOT NULL,
	`body` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `task` (
	`ordinal` integer PRIMARY KEY NOT NULL,
	`is_completed` integer NOT NULL,
	`body` text NOT NULL
);

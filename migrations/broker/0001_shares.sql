CREATE TABLE `history` (
	`id` integer PRIMARY KEY NOT NULL,
	`at` integer NOT NULL,
	`use` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `league` (
	`id` integer PRIMARY KEY NOT NULL,
	`settings` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `ledger` (
	`cluster` text PRIMARY KEY NOT NULL,
	`since` integer NOT NULL,
	`current` text NOT NULL,
	`banked` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `role` (
	`name` text PRIMARY KEY NOT NULL,
	`policy` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
ALTER TABLE `cluster` ADD `partitions` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `grant` ADD `limits` text DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE `grant` ADD `barred_in` text DEFAULT '{}' NOT NULL;--> statement-breakpoint
UPDATE `grant` SET `limits` = json_object('default', `limit`) WHERE `limit` > 0;--> statement-breakpoint
UPDATE `grant` SET `reported` = json_set(`reported`, '$.live', json_object('default', json_extract(`reported`, '$.live')), '$.ran', 0, '$.ranMs', 0) WHERE `reported` IS NOT NULL;
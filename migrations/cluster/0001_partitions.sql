CREATE TABLE `partition` (
	`name` text PRIMARY KEY NOT NULL,
	`position` integer NOT NULL,
	`spec` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `use` (
	`partition` text NOT NULL,
	`lender` text NOT NULL,
	`role` text NOT NULL,
	`task_ms` integer NOT NULL,
	`resource_ms` text NOT NULL,
	PRIMARY KEY(`partition`, `lender`, `role`)
) WITHOUT ROWID;
--> statement-breakpoint
ALTER TABLE `attempt` ADD `partition` text DEFAULT 'default' NOT NULL;--> statement-breakpoint
ALTER TABLE `attempt` ADD `lender` text;--> statement-breakpoint
ALTER TABLE `grant` ADD `limits` text DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE `self` ADD `used_since` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `task` ADD `partition` text DEFAULT 'default' NOT NULL;--> statement-breakpoint
ALTER TABLE `task` ADD `lender` text;--> statement-breakpoint
ALTER TABLE `task` ADD `assigned_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE `grant` SET `limits` = json_object('default', `limit`) WHERE `limit` > 0;
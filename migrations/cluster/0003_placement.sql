CREATE TABLE `learned` (
	`id` integer PRIMARY KEY NOT NULL,
	`shapes` text NOT NULL
);
--> statement-breakpoint
ALTER TABLE `grant` ADD `claim` text;--> statement-breakpoint
ALTER TABLE `grant` ADD `yields` text;--> statement-breakpoint
ALTER TABLE `node` ADD `drain` text;--> statement-breakpoint
ALTER TABLE `self` ADD `drain` text;--> statement-breakpoint
ALTER TABLE `task` ADD `devices` text;--> statement-breakpoint
ALTER TABLE `task` ADD `ports` text;--> statement-breakpoint
ALTER TABLE `task` ADD `stopping` text;--> statement-breakpoint
ALTER TABLE `task` ADD `leaving` text;
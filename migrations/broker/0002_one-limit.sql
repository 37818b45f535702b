ALTER TABLE `cluster` DROP COLUMN `shapes`;--> statement-breakpoint
ALTER TABLE `grant` DROP COLUMN `limit`;--> statement-breakpoint
ALTER TABLE `grant` DROP COLUMN `barred`;
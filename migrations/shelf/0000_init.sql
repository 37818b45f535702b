CREATE TABLE `chunk` (
	`since` integer NOT NULL,
	`task` text NOT NULL,
	`epoch` integer NOT NULL,
	`stream` text NOT NULL,
	`position` integer NOT NULL,
	`bytes` blob NOT NULL,
	PRIMARY KEY(`since`, `task`, `epoch`, `stream`, `position`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `stream` (
	`task` text NOT NULL,
	`epoch` integer NOT NULL,
	`stream` text NOT NULL,
	`writer` text NOT NULL,
	`since` integer NOT NULL,
	`start` integer NOT NULL,
	`size` integer NOT NULL,
	`crc32` integer NOT NULL,
	`ended` integer NOT NULL,
	`verified` integer NOT NULL,
	`touched_at` integer NOT NULL,
	PRIMARY KEY(`task`, `epoch`, `stream`)
) WITHOUT ROWID;

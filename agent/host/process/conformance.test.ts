/** The process driver, with cgroups as this machine has them, as one without version 2 has them, and with none. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { conforms } from "../conformance.fixture.ts";
import { subjectOf } from "./conformance.fixture.ts";

const nowhere = join(tmpdir(), "hansa-probe");
conforms("process", await subjectOf("process", nowhere));
conforms("process, cgroups of version 1 alone", await subjectOf("process", nowhere, "v1"));
conforms("process, no cgroups", await subjectOf("process", nowhere, "none"));

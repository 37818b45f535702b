/** The process driver, with cgroups as this machine has them and as one without version 2. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { conforms } from "../conformance.fixture.ts";
import { subjectOf } from "./conformance.fixture.ts";

conforms("process", await subjectOf("process", join(tmpdir(), "hansa-probe")));

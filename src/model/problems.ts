/** The one error type: RFC 9457 problem details with a stable code and a sentence a person can act on. */

export const PROBLEMS = {
  "invalid-request": 400,
  unauthenticated: 401,
  "not-allowed": 403,
  "not-found": 404,
  conflict: 409,
  "plan-changed": 409,
  gone: 410,
  "too-large": 413,
  "offset-mismatch": 416,
  "idempotency-key-reused": 422,
  "too-many": 429,
  internal: 500,
  unavailable: 503,
} as const satisfies Record<string, number>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One wrong field: where (`resources.mem`), what is wrong, and the nearest right name if there is one. */
export interface FieldError {
  field: string;
  message: string;
  didYouMean?: string;
}

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail: string;
  errors?: FieldError[];
  /** facts that a program needs, e.g. the offset it must rewind to */
  data?: Record<string, string | number>;
}

export interface ProblemExtra {
  errors?: FieldError[];
  data?: Record<string, string | number>;
  retryAfterS?: number;
}

export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly detail: string;
  readonly extra: ProblemExtra;

  constructor(code: ProblemCode, detail: string, extra: ProblemExtra = {}) {
    super(detail);
    this.code = code;
    this.detail = detail;
    this.extra = extra;
  }

  get status(): number {
    return PROBLEMS[this.code];
  }

  toBody(): ProblemBody {
    return {
      type: `/docs#problem-${this.code}`,
      title: this.code.replaceAll("-", " "),
      status: this.status,
      code: this.code,
      detail: this.detail,
      ...(this.extra.errors && { errors: this.extra.errors }),
      ...(this.extra.data && { data: this.extra.data }),
    };
  }
}

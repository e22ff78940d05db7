// A Problem is an answer of the API that is not success (RFC 9457), or the
// want of one: then its type is Unreachable.
export const Unreachable = "urn:koppelfeld:problem:unreachable";

export interface ProblemDocument {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  errors?: { location?: string; message?: string; value?: unknown }[] | null;
  [more: string]: unknown;
}

export class Problem extends Error {
  readonly status: number;
  readonly type: string;
  readonly document: ProblemDocument;

  constructor(document: ProblemDocument) {
    super(document.detail || document.title || "unknown");
    this.document = document;
    this.status = document.status ?? 0;
    this.type = document.type ?? "";
  }

  is(name: string): boolean {
    return this.type === `urn:koppelfeld:problem:${name}`;
  }

  /** Messages by the path of the field, one a line, "body." cut off: { first_name: "expected length <= 128" }. */
  get fields(): Record<string, string> {
    const all: Record<string, string> = {};
    for (const e of this.document.errors ?? []) {
      const at = (e.location ?? "").replace(/^(body|query|path)\.?/, "");
      all[at] = all[at] ? `${all[at]}\n${e.message ?? ""}` : (e.message ?? "");
    }
    return all;
  }
}

/** What stands in an answer that is not success. */
export function problemOf(error: unknown, response: Response): Problem {
  const d = typeof error === "object" && error ? (error as ProblemDocument) : { detail: String(error ?? response.statusText) };
  return new Problem({ ...d, status: d.status ?? response.status });
}

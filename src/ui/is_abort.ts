/** Whether somebody wanted the end of it. One that crossed from a worker is a plain Error with that name. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

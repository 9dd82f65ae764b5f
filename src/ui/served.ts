/** Whether an answer is the file of ours that was asked for: many static hosts answer a missing one with the page itself. */
export function isServed(response: Response): boolean {
  return response.ok && !isPage(response);
}

export function isPage({ headers }: Response): boolean {
  return headers.get('content-type')?.startsWith('text/html') === true;
}

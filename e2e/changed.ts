/**
 * The studio through another server, which changes what some files say and leaves their headers: a newer version of it, or
 * workers that try to ask another place, under the very headers that the real ones have.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A script of a worker that tries to ask, and says what it got. */
export function probe(to: string): string {
  return `fetch('${to}').then((r) => r.text()).catch(() => 'refused').then((said) => postMessage(said))`;
}

export async function changed(
  studio: string | undefined,
  change: (path: string, body: Buffer) => Buffer,
): Promise<{ at: string; close: () => Promise<void> }> {
  const proxy = createServer((request, response) => {
    const path = request.url ?? '/';
    void fetch(`${studio}${path}`).then(async (answer) => {
      const headers = [...answer.headers].filter(
        ([name]) => !/^(content-(length|encoding)|connection|keep-alive|date|transfer-encoding)$/.test(name),
      );
      response.writeHead(answer.status, Object.fromEntries(headers));
      response.end(change(path, Buffer.from(await answer.arrayBuffer())));
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const close = async () => {
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  };
  return { at: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/`, close };
}

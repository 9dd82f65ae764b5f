/**
 * Where the studio lies on its host: at the root, or in a folder of it (`https://someone.github.io/lora-studio/`). The
 * build does not know; the page and its workers, whose scripts lie in assets/, find out from their own address.
 */

/** The folder, with '/' at its end, from the address of the page or of a built script. */
export function studioRoot(address: string): URL {
  const { pathname } = new URL(address);
  return new URL(/\/assets\/[^/]+\.m?js$/.test(pathname) ? '..' : '.', address);
}

/** The address of a file that comes with the studio; `path` from its root, without '/' before it. */
export function ownFile(path: string): string {
  // The development server serves from the root, and workers from elsewhere than assets/.
  const { BASE_URL } = import.meta.env;
  return BASE_URL === './' ? new URL(path, studioRoot(location.href)).href : BASE_URL + path;
}

/** A configuration in the address's hash. Reading it, showing the differences and asking are the settings' own. */
export const SHARED_LINK = '#c=';

export async function openSharedLink(): Promise<void> {
  const { openSharedLink: open } = await import('../settings/shared_link');
  await open(location.hash.slice(SHARED_LINK.length));
}

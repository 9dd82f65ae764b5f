/** SHA-256 of bytes that are in memory whole. Of files of any size: storage's digest. */

/** sha256 of the bytes in lower-case hex. Web Crypto: needs a secure context, and the bytes whole. */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/** Two lower-case digits a byte. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

// Whether a text is the name of one file on every system: no folder, nothing that a file system refuses.

/**
 * Characters that Windows refuses in names, both slashes among them, and `=`: WebUI takes what has one in
 * `<lora:name:1>` for an option (modules/extra_networks.py).
 */
const refused = /[\p{Cc}\p{Zl}\p{Zp}/\\:*?"<>|=]/u;
/** Names of devices on Windows, with any ending. */
const device = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
/** File systems take 255 bytes, encrypted ones 143; a step and endings come behind. */
const mostBytes = 120;

/** For `output_name`: behind it come a step and an ending. */
export function isFileName(name: string): boolean {
  return (
    name.trim() === name &&
    name !== '' &&
    !refused.test(name) &&
    !/^\.|\.$/.test(name) &&
    !device.test(name) &&
    new TextEncoder().encode(name).length <= mostBytes
  );
}

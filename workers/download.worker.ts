/**
 * The download worker: the one script of the studio that may ask another origin for something, by headers of its own in
 * public/_headers. So it stays small, and does nothing else than fetch the address that a person gave.
 */
import type { Downloader } from '../src/protocol/downloader';
import { downloadFile } from '../src/storage/downloads';
import { expose } from './expose';

let stop: AbortController | undefined;

expose({
  download(address, wish, onProgress) {
    stop?.abort();
    stop = new AbortController();
    const { signal } = stop;
    return downloadFile(address, { ...wish, onProgress, signal });
  },
  cancel: () => stop?.abort(),
} satisfies Downloader);

/** Hands the person a file: what a click on a download link does, without a link. */
export function saveAs(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  // What no file system takes.
  link.download = name.replace(/[\\/:*?"<>|\p{Cc}]/gu, '_').trim() || 'images';
  link.click();
  // The browser has its own hold on the file once the download has begun.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

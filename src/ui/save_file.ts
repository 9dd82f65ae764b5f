/** Hands the person a file: what a click on a download link does, without a link. */
export function saveFile(name: string, file: Blob): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own hold on the file only once it has begun.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

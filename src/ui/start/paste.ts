/** Pictures from the clipboard, on a click. Ctrl+V needs no permission and is heard by the page itself. */

/** Empty if there is none. Rejects where the browser or the person refuses. */
export async function picturesOnClipboard(): Promise<File[]> {
  const items = await navigator.clipboard.read();
  const files: File[] = [];
  for (const item of items) {
    const type = item.types.find((each) => each.startsWith('image/'));
    if (!type) continue;
    const blob = await item.getType(type);
    files.push(new File([blob], `pasted-${files.length + 1}.${type.slice(6)}`, { type }));
  }
  return files;
}

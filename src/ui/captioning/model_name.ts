/** What a model is called: the repository in its address if there is one, else its kind and its file's name. */

export function modelName(file: string, kind: string): string {
  return `${kind}, ${file.replace(/\.onnx$/i, '')}`;
}

/** `https://host/owner/name/resolve/main/onnx/x.onnx` is `name`; anything else the name of its file. */
export function nameInAddress(address: string): string | undefined {
  const path = URL.parse(address)?.pathname.split('/').filter(Boolean) ?? [];
  const at = path.indexOf('resolve');
  return at >= 2 ? path[at - 1] : undefined;
}

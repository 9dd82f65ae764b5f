/** Pictures as the captioner takes them: with their files, from storage. */
import type { CaptionImage } from '../../protocol/captioner';
import { getImage, type Picture } from '../../storage/pictures';

/** `missing`: ids of those whose file is gone. */
export async function imagesOf(
  pictures: readonly Picture[],
): Promise<{ images: CaptionImage[]; missing: string[] }> {
  const found = await Promise.all(
    pictures.map(async (picture) => ({ picture, file: await getImage(picture.id) })),
  );
  const images = found.flatMap(({ picture: { id, name, digest }, file }) =>
    file ? [{ id, name, digest, file }] : [],
  );
  return { images, missing: found.flatMap(({ picture, file }) => (file ? [] : [picture.id])) };
}

/** The pictures of a run as its folder has them, for whatever begins with a configuration. */
import type { TrainConfig } from '../src/formats/config/config_fields';
import { withoutCopies } from './copies';
import type { folderChoices } from './folder_options';
import { scanImageFolder, type FolderImage } from './image_folder';
import { fitting } from './shape_notes';

/** Those that can be trained on, each once unless `keepCopies`; `say` is told what is left out, and why. */
export async function runPictures(
  config: TrainConfig,
  choices: ReturnType<typeof folderChoices>,
  keepCopies: boolean,
  say: (line: string) => void,
): Promise<FolderImage[]> {
  const found = await scanImageFolder(config.train_data_dir, {
    ...(config.metadata_path && { metadata: config.metadata_path }),
    except: config.output_dir,
    ...choices,
  });
  const once = keepCopies ? { ...found, notes: [] } : await withoutCopies(found.images);
  const { images, notes } = fitting(once.images, config);
  for (const note of [...found.notes, ...once.notes, ...notes]) say(`note: ${note}`);
  return images;
}

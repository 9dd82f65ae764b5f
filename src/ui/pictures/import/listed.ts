/** Files on their way in, with zips taken apart: each entry like a file in a folder called as the zip. */
import { kindOf } from '../../../formats/dataset/kinds';
import type { Encoding } from '../../../formats/dataset/text';
import { openZip, zipLimits } from '../../../formats/zip/zip';
import type { Incoming } from './incoming';
import { unopened, type Reject } from './outcome';

export interface Listed {
  files: Incoming[];
  rejects: Reject[];
  /** Names in zips, in an encoding that nothing tells, as they stand. */
  foreignNames: Uint8Array[];
}

/** `encoding`: of names in zips that are not UTF-8. */
export async function listed(incoming: readonly Incoming[], encoding?: Encoding): Promise<Listed> {
  const list: Listed = { files: [], rejects: [], foreignNames: [] };
  for (const one of incoming) {
    if (kindOf(one.path, one.type) === 'zip') await unpackInto(list, one, encoding);
    else list.files.push(one);
  }
  return list;
}

async function unpackInto(list: Listed, archive: Incoming, encoding?: Encoding): Promise<void> {
  const { path } = archive;
  try {
    const zip = await openZip(await archive.open(), zipLimits, encoding);
    list.foreignNames.push(...zip.foreignNames);
    for (const refused of zip.refused) {
      if (kindOf(refused.path) !== 'junk')
        list.rejects.push({ path: `${path}/${refused.path}`, reason: 'zip', code: refused.code });
    }
    for (const entry of zip.entries) {
      const { size, modified } = entry;
      const inner = { path: `${path}/${entry.path}`, type: '', size, modified, open: () => entry.open() };
      if (kindOf(inner.path) === 'zip') list.rejects.push({ path: inner.path, reason: 'zip-in-zip' });
      else list.files.push(inner);
    }
  } catch (error) {
    list.rejects.push(unopened(path, error));
  }
}

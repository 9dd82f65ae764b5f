/** A pictures worker: reads one file after another for an import. */
import * as Comlink from 'comlink';
import type { PictureReader } from '../src/protocol/pictures';
import { readPicture } from './pictures/read';

Comlink.expose({ read: readPicture } satisfies PictureReader);

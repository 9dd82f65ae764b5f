/** The reader worker: reads large files and adds up what they are, away from the page. */
import { readers, type Readers } from '../src/formats/reading/readers';
import type { Digester } from '../src/protocol/digester';
import { digestOf } from '../src/storage/digest';
import { expose } from './expose';

expose({ digest: digestOf, ...readers } satisfies Digester & Readers);

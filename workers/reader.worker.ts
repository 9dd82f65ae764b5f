/** The digest worker: adds up what a big file is, away from the page. */
import * as Comlink from 'comlink';
import type { Digester } from '../src/protocol/digester';
import { digestOf } from '../src/storage/digest';

Comlink.expose({ digest: digestOf } satisfies Digester);

/** The handover worker: packs a run as a job for sd-scripts, and reads what came back of one. */
import { fromReturned } from './handover/read';
import { cancel, pack } from './handover/pack';
import { expose } from './expose';
import type { HandoverWorker } from '../src/protocol/handover';

expose({ pack, cancel, read: fromReturned } satisfies HandoverWorker);

/** When the speed was measured, as the start screen and the list of checks say it. */
import { isToday, moment } from '../figures';
import type { messages } from './messages';

export function measuredWhen(m: (typeof messages)['en'], at: number): string {
  return (isToday(at) ? m.measuredAt : m.measuredOn)(moment(at));
}

/** Figures as people read them, always with a unit: sizes, times, dates, in the page's language. */
import { language, languageTags } from '../language.svelte';

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** '412 B', '3.4 GB': decimal units, as disks are sold and browsers count. */
export function size(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${number(value, value < 10 && power > 1 ? 1 : 0)} ${units[power]}`;
}

/** '0.84 s', '12 s', '4 min', '1 h 12 min'. */
export function duration(seconds: number): string {
  const zh = language.current === 'zh';
  if (seconds < 60) return `${number(seconds, seconds < 10 ? 1 : 0)} ${zh ? '秒' : 's'}`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} ${zh ? '分钟' : 'min'}`;
  const rest = minutes % 60;
  const hours = `${Math.floor(minutes / 60)} ${zh ? '小时' : 'h'}`;
  return rest === 0 ? hours : `${hours} ${rest} ${zh ? '分' : 'min'}`;
}

/** '1:24' */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

export function number(value: number, digits = 0): string {
  return value.toLocaleString(tag(), { maximumFractionDigits: digits, minimumFractionDigits: 0 });
}

/** 'today 16:21' without the word: the time if it was today, else day and month. */
export function moment(at: number, now = Date.now()): string {
  const date = new Date(at);
  const today = date.toDateString() === new Date(now).toDateString();
  return date.toLocaleString(
    tag(),
    today ? { hour: '2-digit', minute: '2-digit' } : { day: 'numeric', month: 'short' },
  );
}

function tag(): string {
  return languageTags[language.current];
}

/** Figures as people read them, always with a unit: sizes, times, dates, in the page's language. */
import { figure, languageTags, type Localized } from '../formats/config/language';
import { language } from './language.svelte';

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** '412 B', '3.4 GB': decimal units, as disks are sold and browsers count. */
export function size(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${number(value, value < 10 && power > 1 ? 1 : 0)} ${units[power]}`;
}

const TIMES: Localized<Record<'second' | 'minute' | 'hour' | 'restMinute' | 'day', string>> = {
  en: { second: 's', minute: 'min', hour: 'h', restMinute: 'min', day: 'd' },
  zh: { second: '秒', minute: '分钟', hour: '小时', restMinute: '分', day: '天' },
};

/** '0.84 s', '12 s', '4 min', '1 h 12 min', '2 d 4 h', '658 d'. */
export function duration(seconds: number): string {
  const unit = TIMES[language.current];
  if (seconds < 60) return `${number(seconds, seconds < 10 ? 1 : 0)} ${unit.second}`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} ${unit.minute}`;
  if (minutes >= 48 * 60) {
    // Half an hour more or less says nothing of days, and hours nothing of weeks.
    const hours = Math.round(minutes / 60);
    if (hours >= 240) return `${number(Math.round(hours / 24))} ${unit.day}`;
    const days = `${Math.floor(hours / 24)} ${unit.day}`;
    return hours % 24 === 0 ? days : `${days} ${hours % 24} ${unit.hour}`;
  }
  const rest = minutes % 60;
  const hours = `${Math.floor(minutes / 60)} ${unit.hour}`;
  return rest === 0 ? hours : `${hours} ${rest} ${unit.restMinute}`;
}

/** '1:24' */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

export function number(value: number, digits = 0): string {
  return figure(value, language.current, digits);
}

/** '16:21', or with `seconds` '16:21:05': one clock of 24 hours on all screens. */
export function timeOfDay(at: number, seconds = false): string {
  return new Date(at).toLocaleTimeString(tag(), {
    hour: '2-digit',
    minute: '2-digit',
    ...(seconds ? { second: '2-digit' } : {}),
    hourCycle: 'h23',
  });
}

export function isToday(at: number, now = Date.now()): boolean {
  return new Date(at).toDateString() === new Date(now).toDateString();
}

/** '16:21' if it was today, else day and month. */
export function moment(at: number, now = Date.now()): string {
  return isToday(at, now) ? timeOfDay(at) : date(at);
}

/** When something will be: '16:21', 'Tue 04:10' within the week, 'Dec 20' after that. */
export function comingMoment(at: number, now = Date.now()): string {
  if (isToday(at, now)) return timeOfDay(at);
  if (at - now > 6 * 86_400_000) return date(at);
  return `${new Date(at).toLocaleDateString(tag(), { weekday: 'short' })} ${timeOfDay(at)}`;
}

function date(at: number): string {
  return new Date(at).toLocaleDateString(tag(), { day: 'numeric', month: 'short' });
}

function tag(): string {
  return languageTags[language.current];
}

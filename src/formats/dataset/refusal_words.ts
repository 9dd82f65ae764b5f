/** Why a picture is left out, in few words, with what to do: for the page and the command line alike. */
import type { Localized } from '../config/language';
import type { Refusal } from '../../protocol/pictures';

const en: Record<Refusal, string> = {
  empty: 'empty file',
  unreadable: 'could not be read (moved or deleted?)',
  'unknown-type': 'not a picture',
  heic: 'HEIC (convert to PNG or JPEG)',
  tiff: 'TIFF (convert to PNG or JPEG)',
  jxl: 'JPEG XL (convert to PNG or JPEG)',
  'jpeg-2000': 'JPEG 2000 (convert to PNG or JPEG)',
  svg: 'SVG (convert to PNG or JPEG)',
  psd: 'Photoshop file (export as PNG or JPEG)',
  avif: 'AVIF (convert to PNG or JPEG)',
  bmp: 'BMP (convert to PNG or JPEG)',
  'too-small': 'under 64 px',
  'too-large': 'too large (scale it down to 64 megapixels or less)',
  'too-narrow': 'too long and thin (crop it)',
  'not-decodable': 'damaged (save it again as PNG or JPEG)',
};

const zh: Record<Refusal, string> = {
  empty: '空文件',
  unreadable: '无法读取（已移动或删除？）',
  'unknown-type': '不是图片',
  heic: 'HEIC（请转为 PNG 或 JPEG）',
  tiff: 'TIFF（请转为 PNG 或 JPEG）',
  jxl: 'JPEG XL（请转为 PNG 或 JPEG）',
  'jpeg-2000': 'JPEG 2000（请转为 PNG 或 JPEG）',
  svg: 'SVG（请转为 PNG 或 JPEG）',
  psd: 'Photoshop 文件（请导出为 PNG 或 JPEG）',
  avif: 'AVIF（请转为 PNG 或 JPEG）',
  bmp: 'BMP（请转为 PNG 或 JPEG）',
  'too-small': '小于 64 px',
  'too-large': '过大（请缩小到 6400 万像素以内）',
  'too-narrow': '过于狭长（请裁剪）',
  'not-decodable': '文件损坏（请重新存为 PNG 或 JPEG）',
};

export const refusalWords: Localized<typeof en> = { en, zh };

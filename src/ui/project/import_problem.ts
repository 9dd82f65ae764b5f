/** Why a text of settings was not taken, in the page's language. */
import type { ConfigProblem } from '../../formats/config/config';
import type { ConfigProblemCode } from '../../formats/config/config_values';
import type { Language } from '../../formats/config/language';
import { language } from '../language.svelte';

interface ProblemWords {
  readonly codes: Readonly<Record<ConfigProblemCode, string>>;
  readonly item: (item: string) => string;
  readonly of: (field: string, said: string) => string;
}

/** In English the reader's own sentence, which says more. */
export function importProblem({ code, sentence, field, item }: ConfigProblem): string {
  const words = WORDS[language.current];
  if (!words) return sentence;
  const said = item === undefined ? words.codes[code] : words.item(item);
  return field === undefined ? said : words.of(field, said);
}

const inChinese: ProblemWords = {
  item: (item) => `第 ${item} 项不是文字，请加上引号。`,
  of: (field, said) => `${field}：${said}`,
  codes: {
    syntax: '格式有误，既不是有效的 YAML，也不是有效的 TOML 或 JSON。',
    'too-large': '太大，不会是参数文件。',
    'not-a-map': '应为“名称: 值”的列表。',
    forbidden: '含有不接受的写法（如标签、锚点或嵌套过深）。',
    duplicate: '同一项写了两次。',
    'unknown-field': '没有这一项参数。',
    'wrong-type': '值的类型不对。',
    'list-item': '列表中有一项不是文字，请加上引号。',
    backslash: '双引号中的 \\ 有别的含义：Windows 路径请用单引号，或把 \\ 写成 /。',
    'no-settings': '其中没有任何已知训练器的参数。',
    comma: '小数点应写成“.”，不是逗号。',
    'out-of-range': '值超出范围。',
    conflict: '与另一项参数冲突。',
  },
};

const WORDS: Readonly<Record<Language, ProblemWords | undefined>> = { en: undefined, zh: inChinese };

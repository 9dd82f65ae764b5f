/** Words that the shared controls bring themselves. */
const en = { close: 'Close' };
const zh: typeof en = { close: '关闭' };

export const messages = { en, zh };

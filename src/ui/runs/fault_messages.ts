/**
 * What is said of a run that does not answer, whose data were cleared, or that a newer version began; and of a browser
 * that keeps little. Apart from messages.ts, which is loaded with the page: these come when they are needed.
 */
const en = {
  silent: {
    worker: 'The trainer does not answer.',
    gpu: 'The GPU does not answer.',
  },
  silentFor: (time: string) => `for ${time}`,
  silentText: (time: string, saved: string) =>
    `Nothing has come from it for ${time}. ${saved} If it answers after all, the run simply goes on.`,
  silentSaved: (step: string) => `Step ${step} is saved.`,
  silentUnsaved: 'Nothing was saved yet.',
  goOnFrom: (step: string) => `Go on from step ${step}`,
  startOver: 'Start over',
  stopAt: (step: string) => `Stop and keep step ${step}`,
  stop: 'Stop',
  logSilent: { worker: 'The trainer does not answer', gpu: 'The GPU does not answer: no step comes' },
  logBack: 'It answers again',
  cleared: 'What this browser kept was cleared while the run went on.',
  clearedText:
    'Pictures, captions and settings of the project are gone, here at least. The run goes on in memory, and what it saves from now on is kept. Leave this tab open until it ends, and download the LoRA.',
};

const zh: typeof en = {
  silent: { worker: '训练程序没有响应。', gpu: 'GPU 没有响应。' },
  silentFor: (time) => `已 ${time}`,
  silentText: (time, saved) => `已有 ${time} 没有任何消息。${saved}如果之后恢复响应，训练会照常继续。`,
  silentSaved: (step) => `第 ${step} 步已保存。`,
  silentUnsaved: '还没有保存过。',
  goOnFrom: (step) => `从第 ${step} 步继续`,
  startOver: '重新开始',
  stopAt: (step) => `停止并保留第 ${step} 步`,
  stop: '停止',
  logSilent: { worker: '训练程序没有响应', gpu: 'GPU 没有响应：没有新的训练步' },
  logBack: '已恢复响应',
  cleared: '训练期间，此浏览器保存的数据被清除了。',
  clearedText:
    '至少在这里，项目的图片、标注和参数已不在。训练在内存中继续，此后保存的内容会保留。请在训练结束前不要关闭此标签页，并下载 LoRA。',
};

export const faultMessages = { en, zh };

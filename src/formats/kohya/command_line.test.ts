import { expect, test } from 'vitest';
import { isCommand, readCommand } from './command_line';

const read = (text: string) => Object.fromEntries(readCommand(text));

test('lines that go on, in the three shells, with quotes, comments and variables', () => {
  const expected = {
    script: 'train_network.py',
    network_dim: '8',
    train_data_dir: 'C:\\a b',
    xformers: true,
  };
  const path = '"C:\\a b"';
  for (const next of ['\\', '^', '`'])
    expect(
      read(
        `python train_network.py ${next}\n  --network_dim=8 ${next}\r\n  --train_data_dir ${path} --xformers`,
      ),
    ).toEqual(expected);
  expect(
    read(
      '# DIM=4\nexport DIM="8" # rank\nD=\'x y\'\npython ./a/train_network.py --network_dim=$DIM --a "${D}/z"',
    ),
  ).toEqual({
    script: 'train_network.py',
    network_dim: '8',
    a: 'x y/z',
  });
  expect(read('set DIM=8\npython train_network.py --network_dim %DIM% --what %ELSE%')).toMatchObject({
    network_dim: '8',
    what: '%ELSE%',
  });
});

test('several values, what accelerate is told, and the end of the command', () => {
  expect(
    read(
      'accelerate launch --mixed_precision fp16 train_network.py --optimizer_args a=1 "b=2, 3" --min-snr-gamma=5 && rm --x y',
    ),
  ).toEqual({
    script: 'train_network.py',
    'accelerate mixed_precision': 'fp16',
    optimizer_args: ['a=1', 'b=2, 3'],
    min_snr_gamma: '5',
  });
  expect(read('--network_dim 8 --network_alpha 4')).toEqual({ network_dim: '8', network_alpha: '4' });
});

test('a file of settings that mentions a script is no command', () => {
  expect(isCommand('# for train_network.py\nnetwork_dim = 8')).toBe(false);
  expect(isCommand('script: "train_network.py"\nnetwork_dim: 8')).toBe(false);
  expect(isCommand('{"a": 1}')).toBe(false);
  expect(isCommand('python train_network.py --a 1')).toBe(true);
});

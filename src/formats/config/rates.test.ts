import { describe, expect, test } from 'vitest';
import { defaultConfig } from './config';
import { isExtreme, lowerRate, lowerRates, mainRate, ratesInUse } from './rates';

const config = { ...defaultConfig(), learning_rate: 0.123 };

describe('the rates in use', () => {
  test('a part follows learning_rate unless it has a rate of its own, 0 included', () => {
    expect(ratesInUse(config)).toEqual({ unet: { field: 'learning_rate', rate: 0.123 } });
    expect(ratesInUse({ ...config, unet_lr: 0, train_text_encoder: true })).toEqual({
      unet: { field: 'unet_lr', rate: 0 },
      text: { field: 'learning_rate', rate: 0.123 },
    });
  });

  test('the main one is the U-Net’s, or the text encoder’s where that alone is trained', () => {
    expect(mainRate({ ...config, unet_lr: 1 })).toEqual({ field: 'unet_lr', rate: 1 });
    const text = { ...config, train_unet: false, train_text_encoder: true, text_encoder_lr: 5e-5 };
    expect(mainRate(text)).toEqual({ field: 'text_encoder_lr', rate: 5e-5 });
  });
});

test('a rate that no run survives is told, if it is in use', () => {
  expect(isExtreme({ ...config, learning_rate: 0.01 })).toBe(false);
  expect(isExtreme({ ...config, learning_rate: 0.01, optimizer: 'lion' })).toBe(true);
  expect(isExtreme({ ...config, learning_rate: 1, unet_lr: 1e-4 })).toBe(false);
  expect(isExtreme({ ...config, learning_rate: 1e-4, unet_lr: 1 })).toBe(true);
});

test('after a divergence a tenth is tried, and never what is too much for any run', () => {
  expect(lowerRate(1, 'adamw')).toBe(1e-3);
  expect(lowerRate(1, 'lion')).toBe(1e-4);
  expect(lowerRate(3e-3, 'adamw')).toBe(3e-4);
  expect(lowerRates({ ...config, unet_lr: 0.002 })).toEqual({
    learning_rate: 1e-3,
    unet_lr: 2e-4,
    text_encoder_lr: null,
  });
});

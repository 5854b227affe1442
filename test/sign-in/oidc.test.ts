import { describe, expect, test } from 'vitest';
import { stateFlowId } from '../../src/sign-in/oidc';

describe('the flow that a callback belongs to', () => {
  test('is what stands before the dot of its state', () => {
    expect(stateFlowId('Zm_xv-w1.random_-1')).toBe('Zm_xv-w1');
  });

  test.each(['', 'flow', '.random', 'flow.', 'a.b.c', 'fl ow.random', 'flow.random\n', 'flow\0.random'])(
    'is none for %j, which we never made',
    (state) => {
      expect(stateFlowId(state)).toBeUndefined();
    },
  );
});

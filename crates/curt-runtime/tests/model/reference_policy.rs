//! The frozen reference of a KL term: the same bits as the policy it was made of, whatever the policy does afterwards.

use crate::random_model::{QWEN2, QWEN3, bits, config, random_model, token_sequences, views};
use curt_kernels::Cpu;
use curt_runtime::{Policy, PolicyError, ReferencePolicy, Sequence, Settings, TokenGradients, Transformer, Update};

const LENGTHS: [(usize, usize); 3] = [(3, 9), (17, 20), (1, 5)];

fn model(text: &str) -> Transformer<Cpu<f32>> {
    random_model(Cpu::new(1).unwrap(), config(text), Settings::default())
}

#[test]
fn the_reference_keeps_the_bits_that_the_policy_had() {
    for text in [QWEN3, QWEN2] {
        let (mut policy, mut reference) = (model(text), model(text).freeze());
        let sequences = token_sequences(&LENGTHS, policy.config().vocab);
        let before = policy.score(&views(&sequences), 0.5).unwrap();
        let gradients = LENGTHS.map(|(_, n)| TokenGradients { d_logprob: vec![-0.1; n], d_entropy: vec![0.0; n] });
        policy.backward(&views(&sequences), &gradients, 0.5).unwrap();
        let update =
            Update { learning_rate: 1e-2, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.0, max_grad_norm: 1.0 };
        policy.apply(&update).unwrap();
        let after = policy.score(&views(&sequences), 0.5).unwrap();
        let frozen = reference.score(&views(&sequences), 0.5).unwrap();
        for ((before, after), frozen) in before.iter().zip(&after).zip(&frozen) {
            assert_eq!(bits(&before.logprob), bits(&frozen.logprob));
            assert_eq!(bits(&before.entropy), bits(&frozen.entropy));
            assert_ne!(bits(&after.logprob), bits(&frozen.logprob), "the update changed the policy");
        }
        assert_eq!(reference.counters().scoring_passes, 1);
        assert_eq!(reference.counters().training_passes, 0);
    }
}

#[test]
fn a_trained_policy_is_frozen_as_it_is() {
    let mut policy = model(QWEN3);
    let sequences = token_sequences(&LENGTHS, policy.config().vocab);
    let gradients = LENGTHS.map(|(_, n)| TokenGradients { d_logprob: vec![-0.1; n], d_entropy: vec![0.0; n] });
    policy.backward(&views(&sequences), &gradients, 1.0).unwrap();
    let update = Update { learning_rate: 1e-2, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.0, max_grad_norm: 1.0 };
    policy.apply(&update).unwrap();
    let trained = policy.score(&views(&sequences), 1.0).unwrap();
    assert_eq!(policy.freeze().score(&views(&sequences), 1.0).unwrap(), trained);
}

#[test]
fn a_token_that_the_reference_lacks_is_named() {
    let mut reference = model(QWEN3).freeze();
    let vocab = reference.vocabulary() as u32;
    let tokens = [1, 5, vocab];
    let refused = reference.score(&[Sequence { tokens: &tokens, prompt_length: 1 }], 1.0).unwrap_err();
    assert!(matches!(refused, PolicyError::TokenOutOfRange { position: 2, token, .. } if token == vocab), "{refused}");
}

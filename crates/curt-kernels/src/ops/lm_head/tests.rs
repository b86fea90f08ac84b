//! Finite differences, twins, guard bands; equal bits at any number of rows, threads and on every instruction set; the
//! laws of drawing.

use super::{Draw, HeadFacts, LmHead, LmHeadShape};
use crate::testing::{Numbers, assert_close, assert_gradient, available_paths, dot, fast_backends, guarded, unguarded};
use crate::{Backend, Cpu};

mod draws;

/// Vocabularies around the chunk and panel sizes.
const VOCABULARIES: [usize; 5] = [42, 97, 512, 513, 1537];

/// Inputs of one head.
#[derive(Clone)]
struct Case {
    shape: LmHeadShape,
    x: Vec<f64>,
    weight: Vec<f64>,
    targets: Vec<u32>,
    dlogprob: Vec<f64>,
    dentropy: Vec<f64>,
    /// What stands in the accumulated gradient before the backward.
    dweight: Vec<f64>,
}

impl Case {
    fn new(rows: usize, vocab: usize, width: usize, inv_temperature: f64) -> Self {
        let mut numbers = Numbers::new((rows * 1_000_003 + vocab * 1009 + width) as u64);
        let mut case = Self {
            shape: LmHeadShape { rows, vocab, width, inv_temperature },
            x: numbers.vector(rows * width),
            weight: numbers.vector(vocab * width),
            targets: (0..rows).map(|_| numbers.below(vocab) as u32).collect(),
            dlogprob: numbers.vector(rows),
            dentropy: numbers.vector(rows),
            dweight: numbers.vector(vocab * width),
        };
        for row in 0..rows {
            if row % 3 == 1 {
                case.dentropy[row] = 0.0;
            }
            if row % 4 == 1 {
                case.dlogprob[row] = 0.0; // with the above, one row in twelve has no gradient at all
            }
        }
        case
    }

    /// The same head for `rows` of the rows.
    fn rows(&self, rows: std::ops::Range<usize>) -> Self {
        let width = self.shape.width;
        let mut part = self.clone();
        part.shape.rows = rows.len();
        part.x = self.x[rows.start * width..rows.end * width].to_vec();
        part.targets = self.targets[rows.clone()].to_vec();
        part.dlogprob = self.dlogprob[rows.clone()].to_vec();
        part.dentropy = self.dentropy[rows].to_vec();
        part
    }
}

/// The facts of all rows, on the host.
#[derive(Clone, Debug, PartialEq)]
struct Facts {
    logprob: Vec<f64>,
    entropy: Vec<f64>,
    sum_p2: Vec<f64>,
    lse: Vec<f64>,
}

impl Facts {
    fn lists(&self) -> [(&'static str, &[f64]); 4] {
        [("logprob", &self.logprob), ("entropy", &self.entropy), ("sum_p2", &self.sum_p2), ("lse", &self.lse)]
    }

    /// The bits of one row.
    fn bits(&self, row: usize) -> [u64; 4] {
        self.lists().map(|(_, values)| values[row].to_bits())
    }
}

fn guarded_facts<B: Backend>(backend: &B, rows: usize) -> HeadFacts<B> {
    let [logprob, entropy, sum_p2, lse] = [(); 4].map(|()| guarded(backend, &vec![7.0; rows]));
    HeadFacts { logprob, entropy, sum_p2, lse }
}

fn unguarded_facts<B: Backend>(backend: &B, facts: &HeadFacts<B>) -> Facts {
    Facts {
        logprob: unguarded(backend, "logprob", &facts.logprob),
        entropy: unguarded(backend, "entropy", &facts.entropy),
        sum_p2: unguarded(backend, "sum_p2", &facts.sum_p2),
        lse: unguarded(backend, "lse", &facts.lse),
    }
}

fn packed<B: LmHead>(backend: &B, case: &Case) -> B::Packed {
    let mut packed = backend.packed(case.shape.vocab, case.shape.width).unwrap();
    backend.pack(&mut packed, &guarded(backend, &case.weight));
    packed
}

fn forward<B: LmHead>(backend: &B, case: &Case) -> Facts {
    let mut facts = guarded_facts(backend, case.shape.rows);
    let targets = backend.upload_ids(&case.targets).unwrap();
    backend.lm_head_forward(&mut facts, &guarded(backend, &case.x), &packed(backend, case), &targets, case.shape);
    unguarded_facts(backend, &facts)
}

/// `dx` and `dweight`.
fn backward<B: LmHead>(backend: &B, case: &Case) -> (Vec<f64>, Vec<f64>) {
    let packed = packed(backend, case);
    let x = guarded(backend, &case.x);
    let targets = backend.upload_ids(&case.targets).unwrap();
    let mut facts = guarded_facts(backend, case.shape.rows);
    backend.lm_head_forward(&mut facts, &x, &packed, &targets, case.shape);
    let mut dx = guarded(backend, &vec![7.0; case.x.len()]);
    let mut dweight = guarded(backend, &case.dweight);
    backend.lm_head_backward(
        &mut dx,
        &mut dweight,
        &guarded(backend, &case.dlogprob),
        &guarded(backend, &case.dentropy),
        &facts,
        &x,
        &guarded(backend, &case.weight),
        &packed,
        &targets,
        case.shape,
    );
    (unguarded(backend, "dx", &dx), unguarded(backend, "dweight", &dweight))
}

/// The drawn tokens and their facts.
fn sample<B: LmHead>(backend: &B, case: &Case, draws: &[Draw]) -> (Vec<u32>, Facts) {
    let mut facts = guarded_facts(backend, case.shape.rows);
    let mut tokens = vec![u32::MAX; case.shape.rows + 1];
    backend.lm_head_sample(&mut tokens, &mut facts, &guarded(backend, &case.x), &packed(backend, case), draws, case.shape);
    assert_eq!(tokens.pop(), Some(u32::MAX), "tokens: wrote past the rows");
    (tokens, unguarded_facts(backend, &facts))
}

fn describe(cpu: &Cpu<f32>, case: &Case) -> String {
    format!("{} x {} threads, {:?}", cpu.path().name(), cpu.threads(), case.shape)
}

#[test]
fn gradients_are_those_of_the_forward() {
    let cpu = Cpu::<f64>::new(1).unwrap();
    for (rows, vocab, width, inv_temperature) in [(3, 23, 5, 0.8), (2, 513, 3, 1.0), (1, 1, 2, 1.0), (4, 7, 3, 2.5)] {
        let case = Case::new(rows, vocab, width, inv_temperature);
        let loss = |case: &Case| {
            let facts = forward(&cpu, case);
            dot(&facts.logprob, &case.dlogprob) + dot(&facts.entropy, &case.dentropy)
        };
        let (dx, mut dweight) = backward(&cpu, &case);
        for (sum, before) in dweight.iter_mut().zip(&case.dweight) {
            *sum -= before;
        }
        let of_x = |x: &[f64]| loss(&Case { x: x.to_vec(), ..case.clone() });
        assert_gradient("dx", &of_x, &case.x, &dx, 1e-8);
        let of_weight = |weight: &[f64]| loss(&Case { weight: weight.to_vec(), ..case.clone() });
        assert_gradient("dweight", &of_weight, &case.weight, &dweight, 1e-8);
    }
}

#[test]
fn fast_backends_agree_with_the_plain_twin() {
    let plain = Cpu::<f64>::new(1).unwrap();
    let mut cases = vec![Case::new(600, 2100, 19, 1.0)]; // several blocks of rows and groups of chunks in the backward
    for vocab in VOCABULARIES {
        cases.extend([1, 17, 31, 257].map(|rows| Case::new(rows, vocab, 67, 1.25)));
    }
    for case in &cases {
        let (want, (want_dx, want_dweight)) = (forward(&plain, case), backward(&plain, case));
        for cpu in fast_backends() {
            let name = describe(&cpu, case);
            for ((fact, got), (_, want)) in forward(&cpu, case).lists().into_iter().zip(want.lists()) {
                assert_close(&format!("{name}: {fact}"), got, want, 1e-5);
            }
            let (dx, dweight) = backward(&cpu, case);
            assert_close(&format!("{name}: dx"), &dx, &want_dx, 1e-5);
            assert_close(&format!("{name}: dweight"), &dweight, &want_dweight, 1e-5);
        }
    }
}

#[test]
fn facts_have_the_same_bits_alone_and_in_a_batch_on_every_backend() {
    for vocab in VOCABULARIES {
        let case = Case::new(257, vocab, 67, 1.25);
        let want = forward(&Cpu::<f32>::new(1).unwrap(), &case);
        for cpu in fast_backends() {
            assert_eq!(forward(&cpu, &case), want, "{}", describe(&cpu, &case));
            for rows in [0..1, 5..6, 127..129, 240..257] {
                let alone = forward(&cpu, &case.rows(rows.clone()));
                for row in rows.clone() {
                    assert_eq!(alone.bits(row - rows.start), want.bits(row), "row {row}: {}", describe(&cpu, &case));
                }
            }
        }
    }
}

#[test]
fn a_large_vocabulary_in_several_turns_has_the_bits_of_single_rows() {
    let cpu = Cpu::<f32>::new(2).unwrap();
    let case = Case::new(900, 151_936, 1, 1.0);
    let facts = forward(&cpu, &case);
    for row in [0, 895, 896, 899] {
        assert_eq!(forward(&cpu, &case.rows(row..row + 1)).bits(0), facts.bits(row), "row {row}");
    }
}

#[test]
fn the_backward_has_the_same_bits_at_any_number_of_threads() {
    for (rows, vocab) in [(600, 2100), (257, 42)] {
        let case = Case::new(rows, vocab, 67, 1.0);
        for path in available_paths() {
            let [one, two, three] = [1, 2, 3].map(|threads| backward(&Cpu::<f32>::with_path(threads, path).unwrap(), &case));
            assert!(one == two && one == three, "{} {:?}", path.name(), case.shape);
        }
    }
}

#[test]
fn rows_without_a_gradient_contribute_nothing() {
    for cpu in fast_backends() {
        let mut case = Case::new(31, 97, 17, 1.0);
        let dead = |row: usize| row % 5 == 2;
        for row in (0..31).filter(|&r| dead(r)) {
            (case.dlogprob[row], case.dentropy[row]) = (0.0, 0.0);
            case.x[row * 17..][..17].fill(f64::NAN);
        }
        let (dx, dweight) = backward(&cpu, &case);
        for (row, dx) in dx.chunks(17).enumerate() {
            let zero = dx.iter().all(|&x| x == 0.0);
            assert_eq!(zero, dead(row) || (case.dlogprob[row] == 0.0 && case.dentropy[row] == 0.0), "row {row}");
        }
        assert!(dweight.iter().all(|x| x.is_finite()));

        case.dlogprob.fill(0.0);
        case.dentropy.fill(0.0);
        let (dx, dweight) = backward(&cpu, &case);
        assert!(dx.iter().all(|&x| x == 0.0) && dweight == case.dweight, "no gradient at all");
    }
}

#[test]
fn the_temperature_divides_the_logits() {
    for cpu in fast_backends() {
        let hot = Case::new(17, 513, 31, 0.5);
        let mut halved = hot.clone();
        halved.shape.inv_temperature = 1.0;
        halved.x.iter_mut().for_each(|x| *x *= 0.5); // exact, so the bits agree
        assert_eq!(forward(&cpu, &hot), forward(&cpu, &halved));
    }
}

#[test]
fn equal_logits_are_a_uniform_distribution() {
    for cpu in fast_backends() {
        for vocab in VOCABULARIES {
            let mut case = Case::new(3, vocab, 5, 1.0);
            case.x.fill(0.0);
            let facts = forward(&cpu, &case);
            let n = vocab as f64;
            let want = [-libm::log(n), libm::log(n), 1.0 / n, libm::log(n)];
            for ((name, got), want) in facts.lists().into_iter().zip(want) {
                assert_close(name, got, &[want; 3], 1e-6);
            }
        }
    }
}

#[test]
fn extreme_logits_stay_finite() {
    let plain = Cpu::<f64>::new(1).unwrap();
    let mut case = Case::new(4, 1537, 2, 1.0);
    case.weight.chunks_mut(2).for_each(|w| w.copy_from_slice(&[0.0, 0.0]));
    (case.weight[2 * 1000], case.weight[2 * 700]) = (1.0, -1.0); // logits are 0 but for tokens 1000 and 700
    case.x = vec![1e4, 0.0, -1e4, 0.0, 1e4, 0.0, 30.0, 0.0];
    case.targets = vec![1000, 1000, 700, 1000];
    let want = forward(&plain, &case);
    for cpu in fast_backends() {
        let facts = forward(&cpu, &case);
        for ((name, got), (_, want)) in facts.lists().into_iter().zip(want.lists()) {
            assert_close(name, got, want, 1e-6);
        }
        assert_eq!((facts.logprob[0], facts.entropy[0], facts.sum_p2[0]), (0.0, 0.0, 1.0));
        assert_eq!((facts.logprob[1], facts.logprob[2]), (-2e4, -2e4));
        let (dx, dweight) = backward(&cpu, &case);
        let (want_dx, want_dweight) = backward(&plain, &case);
        assert_close("dx", &dx, &want_dx, 1e-4);
        assert_close("dweight", &dweight, &want_dweight, 1e-4);
    }
}

#[test]
fn nan_and_infinite_logits_reach_the_facts_of_their_row_alone() {
    for cpu in fast_backends() {
        for vocab in [42, 1537] {
            let clean = Case::new(5, vocab, 3, 1.0);
            let want = forward(&cpu, &clean);
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut case = clean.clone();
                case.x[2 * 3] = bad;
                let (tokens, drawn) = sample(&cpu, &case, &[Draw::Uniform(0.5); 5]);
                let (greedy, _) = sample(&cpu, &case, &[Draw::Greedy; 5]);
                let filter = Draw::Filtered { u: 0.5, top_k: 3, top_p: 0.9, min_p: 0.1 };
                let (filtered, _) = sample(&cpu, &case, &[filter; 5]);
                assert!([tokens, greedy, filtered].concat().iter().all(|&t| (t as usize) < vocab));
                let facts = forward(&cpu, &case);
                for facts in [&facts, &drawn] {
                    let numbers = facts.lists().map(|(_, values)| values[2]);
                    assert!(numbers[..3].iter().all(|x| x.is_nan()), "x = {bad}: {numbers:?}");
                }
                for row in [0, 1, 3, 4] {
                    assert_eq!(facts.bits(row), want.bits(row));
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "lm_head_forward: target Some(97) of a vocabulary of 97")]
fn a_target_outside_the_vocabulary_is_refused() {
    let mut case = Case::new(3, 97, 5, 1.0);
    case.targets[1] = 97;
    forward(&Cpu::<f32>::new(1).unwrap(), &case);
}

#[test]
#[should_panic(expected = "lm_head_sample: 2 draws for 3 rows")]
fn too_few_draws_are_refused() {
    sample(&Cpu::<f32>::new(1).unwrap(), &Case::new(3, 97, 5, 1.0), &[Draw::Greedy; 2]);
}

#[test]
#[should_panic(expected = "lm_head_forward: inverse temperature 0")]
fn an_infinite_temperature_is_refused() {
    forward(&Cpu::<f32>::new(1).unwrap(), &Case::new(3, 97, 5, 0.0));
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_has_the_bits_of_the_cpu() {
    use crate::testing::{assert_same_numbers, on_cuda};
    let cpu = Cpu::<f32>::new(1).unwrap();
    on_cuda(|cuda| {
        for (rows, vocab, width) in [(1, 1, 2), (17, 42, 33), (9, 512, 17), (33, 513, 7), (31, 1537, 16), (5, 2600, 5)] {
            let case = Case::new(rows, vocab, width, 1.25);
            for ((name, got), (_, want)) in forward(cuda, &case).lists().into_iter().zip(forward(&cpu, &case).lists()) {
                assert_same_numbers(&format!("{name} {:?}", case.shape), got, want);
            }
            let (got, want) = (backward(cuda, &case), backward(&cpu, &case));
            assert_same_numbers(&format!("dx {:?}", case.shape), &got.0, &want.0);
            assert_same_numbers(&format!("dweight {:?}", case.shape), &got.1, &want.1);
            let draws: Vec<Draw> = (0..rows)
                .map(|i| match i % 3 {
                    0 => Draw::Greedy,
                    1 => Draw::Uniform(i as f64 / rows as f64),
                    _ if i % 2 == 0 => Draw::Filtered { u: 0.6, top_k: 20, top_p: 0.9, min_p: 0.01 },
                    _ => Draw::Uniform(1.0),
                })
                .collect();
            let (got, want) = (sample(cuda, &case, &draws), sample(&cpu, &case, &draws));
            assert_eq!(got.0, want.0, "{:?}", case.shape);
            assert!(got.1 == want.1, "facts of draws, {:?}", case.shape);
        }
    });
}

#[cfg(feature = "cuda")]
#[test]
fn rows_without_a_gradient_and_rows_of_nan_on_cuda_are_as_on_the_cpu() {
    use crate::testing::{assert_same_numbers, on_cuda};
    let cpu = Cpu::<f32>::new(1).unwrap();
    on_cuda(|cuda| {
        let mut case = Case::new(7, 600, 5, 1.0);
        for row in [2, 4] {
            (case.dlogprob[row], case.dentropy[row]) = (0.0, 0.0);
            case.x[row * 5] = [f64::NAN, f64::INFINITY][row / 4];
        }
        let (got, want) = (backward(cuda, &case), backward(&cpu, &case));
        assert_same_numbers("dx", &got.0, &want.0);
        assert_same_numbers("dweight", &got.1, &want.1);
        for draw in [Draw::Greedy, Draw::Uniform(0.5), Draw::Uniform(f64::NAN)] {
            let (got, want) = (sample(cuda, &case, &[draw; 7]), sample(&cpu, &case, &[draw; 7]));
            assert_eq!(got.0, want.0);
            for ((name, got), (_, want)) in got.1.lists().into_iter().zip(want.1.lists()) {
                assert_same_numbers(name, got, want);
            }
        }
        case.dlogprob.fill(0.0);
        case.dentropy.fill(0.0);
        let (dx, dweight) = backward(cuda, &case);
        assert!(dx.iter().all(|&x| x == 0.0) && dweight == case.dweight, "no gradient at all");
    });
}

//! Finite differences, laws, and every backend against the twin; the laws of drawing.

#[cfg(feature = "cuda")]
use crate::cuda::Module;
use crate::testing::Call::{Backward, Forward, Sample};
use crate::testing::{
    Call, Numbers, OpCase, Outputs, Run, assert_close, assert_gradient, assert_same_bits, available_paths, backends_agree, dot,
    fast_backends, guarded, on, on_every_backend, on_fast_backends, overwritten, twin, unguarded,
};
use crate::{Backend, Cpu, Ops};

use super::{Draw, HeadFacts, LmHeadShape};

mod draws;

/// Vocabularies around the chunk and panel sizes.
const VOCABULARIES: [usize; 5] = [42, 97, 512, 513, 1537];

/// Inputs of one head.
#[derive(Clone)]
pub(crate) struct Case {
    shape: LmHeadShape,
    x: Vec<f64>,
    weight: Vec<f64>,
    targets: Vec<u32>,
    dlogprob: Vec<f64>,
    dentropy: Vec<f64>,
    /// What stands in the accumulated gradient before the backward.
    dweight: Vec<f64>,
    draws: Vec<Draw>,
}

impl Case {
    /// A case that draws nothing.
    fn undrawn((rows, vocab, width): (usize, usize, usize)) -> Self {
        let mut numbers = Numbers::new((rows * 1_000_003 + vocab * 1009 + width) as u64);
        let mut case = Self {
            shape: LmHeadShape { rows, vocab, width, inv_temperature: 1.25 },
            x: numbers.vector(rows * width),
            weight: numbers.vector(vocab * width),
            targets: (0..rows).map(|_| numbers.below(vocab) as u32).collect(),
            dlogprob: numbers.vector(rows),
            dentropy: numbers.vector(rows),
            dweight: numbers.vector(vocab * width),
            draws: Vec::new(),
        };
        if width > 256 {
            // logits of the size of a model's: a log-probability carries their rounding, which the bound must not be about
            case.x.iter_mut().for_each(|x| *x *= 0.25);
        }
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

    /// The same at another temperature.
    fn at(mut self, inv_temperature: f64) -> Self {
        self.shape.inv_temperature = inv_temperature;
        self
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

    fn packed<B: Ops>(&self, backend: &B) -> B::Packed {
        let mut packed = backend.packed(self.shape.vocab, self.shape.width).unwrap();
        backend.pack(&mut packed, &guarded(backend, &self.weight));
        packed
    }

    /// Facts on the device, after a forward.
    fn facts<B: Ops>(&self, backend: &B, packed: &B::Packed) -> HeadFacts<B> {
        let mut facts = no_facts(backend, self.shape.rows);
        let targets = backend.upload_ids(&self.targets).unwrap();
        backend.lm_head_forward(&mut facts, &guarded(backend, &self.x), packed, &targets, self.shape);
        facts
    }

    fn forward<B: Ops>(&self, backend: &B) -> Outputs {
        fact_outputs(backend, &self.facts(backend, &self.packed(backend))).into()
    }

    fn backward<B: Ops>(&self, backend: &B) -> Outputs {
        let packed = self.packed(backend);
        let facts = self.facts(backend, &packed);
        let targets = backend.upload_ids(&self.targets).unwrap();
        let (mut dx, mut dweight) = (overwritten(backend, self.x.len()), guarded(backend, &self.dweight));
        let [dlogprob, dentropy, x, weight] =
            [&self.dlogprob, &self.dentropy, &self.x, &self.weight].map(|x| guarded(backend, x));
        backend.lm_head_backward(&mut dx, &mut dweight, &dlogprob, &dentropy, &facts, &x, &weight, &packed, &targets, self.shape);
        [("dx", dx), ("dweight", dweight)].map(|(name, x)| (name, unguarded(backend, name, &x), 1e-5)).into()
    }

    /// The drawn tokens and their facts.
    fn sample<B: Ops>(&self, backend: &B) -> Outputs {
        let mut facts = no_facts(backend, self.shape.rows);
        let mut tokens = vec![u32::MAX; self.shape.rows + 1];
        let x = guarded(backend, &self.x);
        backend.lm_head_sample(&mut tokens, &mut facts, &x, &self.packed(backend), &self.draws, self.shape);
        assert_eq!(tokens.pop(), Some(u32::MAX), "tokens: wrote past the rows");
        let [logprob, entropy, sum_p2, lse] = fact_outputs(backend, &facts);
        [("tokens", tokens.into_iter().map(f64::from).collect(), 0.0), logprob, entropy, sum_p2, lse].into()
    }
}

fn no_facts<B: Backend>(backend: &B, rows: usize) -> HeadFacts<B> {
    let [logprob, entropy, sum_p2, lse] = [(); 4].map(|()| overwritten(backend, rows));
    HeadFacts { logprob, entropy, sum_p2, lse }
}

fn fact_outputs<B: Backend>(backend: &B, facts: &HeadFacts<B>) -> [(&'static str, Vec<f64>, f64); 4] {
    let HeadFacts { logprob, entropy, sum_p2, lse } = facts;
    let named = [("logprob", logprob), ("entropy", entropy), ("sum_p2", sum_p2), ("lse", lse)];
    named.map(|(name, fact)| (name, unguarded(backend, name, fact), 1e-5))
}

impl OpCase for Case {
    const OP: &'static str = "lm_head";
    const CALLS: &'static [Call] = &[Forward, Backward, Sample];
    #[cfg(feature = "cuda")]
    const MODULES: &'static [&'static Module] = &[&super::cuda::MODULE];

    /// Rows, vocabulary and width.
    type Sizes = (usize, usize, usize);
    const SMOKE: &'static [Self::Sizes] = &[(0, 5, 3), (1, 1, 2), (17, 42, 33), (31, 513, 7), (5, 2053, 5), (3, 67, 259)];
    const MATRIX: &'static [Self::Sizes] = &[
        (0, 5, 3),
        (1, 1, 2),
        (1, 127, 257),
        (257, 31, 1),
        (33, 257, 31),
        (31, 512, 33),
        (61, 513, 7),
        (7, 1537, 61),
        (5, 2048, 16),
        (3, 2053, 576),
        (17, 1031, 896),
        (1, 521, 1024),
        (600, 2100, 19),  // several blocks of rows and groups of chunks in the backward
        (257, 16_127, 1), // several groups of chunks in the forward
    ];

    /// A third of the rows is drawn greedily, the others by a number or by filters; a number so near the boundary of two tokens
    /// that rounding may decide is not used.
    fn new(sizes: Self::Sizes) -> Self {
        let case = Self::undrawn(sizes);
        let mut numbers = Numbers::new(sizes.1 as u64);
        let draws: Vec<Draw> = (0..sizes.0)
            .map(|row| match row % 6 {
                0 | 3 => Draw::Greedy,
                1 => Draw::Filtered { u: numbers.uniform(), top_k: 20, top_p: 0.9, min_p: 0.01 },
                _ => Draw::Uniform(numbers.uniform()),
            })
            .collect();
        let moved =
            |by: f64| sample(&on(&twin()), &case, &draws.iter().map(|&draw| draws::moved(draw, by)).collect::<Vec<_>>()).0;
        let (below, above) = (moved(-1e-6), moved(1e-6));
        let clear = |row: usize| below[row] == above[row];
        let draws = (0..sizes.0).map(|row| if clear(row) { draws[row] } else { Draw::Greedy }).collect();
        Self { draws, ..case }
    }

    fn run<B: Ops>(&self, call: Call, backend: &B) -> Outputs {
        match call {
            Forward => self.forward(backend),
            Backward => self.backward(backend),
            Sample => self.sample(backend),
            _ => unreachable!("{call:?} is no call of lm_head"),
        }
    }
}

/// The facts of all rows, on the host.
#[derive(Clone, Debug, PartialEq)]
struct Facts([Vec<f64>; 4]);

impl Facts {
    fn of(outputs: &Outputs) -> Self {
        Self(["logprob", "entropy", "sum_p2", "lse"].map(|name| outputs[name].to_vec()))
    }

    /// The numbers of one row.
    fn row(&self, row: usize) -> [f64; 4] {
        self.0.each_ref().map(|fact| fact[row])
    }

    /// The bits of one row.
    fn bits(&self, row: usize) -> [u64; 4] {
        self.row(row).map(f64::to_bits)
    }
}

fn forward(run: Run<'_, Case>, case: &Case) -> Facts {
    Facts::of(&run(case, Forward))
}

/// The drawn tokens and their facts.
fn sample(run: Run<'_, Case>, case: &Case, draws: &[Draw]) -> (Vec<u32>, Facts) {
    let outputs = run(&Case { draws: draws.to_vec(), ..case.clone() }, Sample);
    (outputs["tokens"].iter().map(|&token| token as u32).collect(), Facts::of(&outputs))
}

#[test]
fn every_backend_agrees_cuda_too() {
    backends_agree::<Case>();
}

#[test]
fn gradients_are_those_of_the_forward() {
    let cpu = twin();
    for (rows, vocab, width, inv_temperature) in [(3, 23, 5, 0.8), (2, 513, 3, 1.0), (1, 1, 2, 1.0), (4, 7, 3, 2.5)] {
        let mut case = Case::undrawn((rows, vocab, width)).at(inv_temperature);
        case.dweight.fill(0.0);
        let loss = |case: &Case| {
            let facts = case.run(Forward, &cpu);
            dot(&facts["logprob"], &case.dlogprob) + dot(&facts["entropy"], &case.dentropy)
        };
        let back = case.run(Backward, &cpu);
        let of_x = |x: &[f64]| loss(&Case { x: x.to_vec(), ..case.clone() });
        assert_gradient("dx", &of_x, &case.x, &back["dx"], 1e-8);
        let of_weight = |weight: &[f64]| loss(&Case { weight: weight.to_vec(), ..case.clone() });
        assert_gradient("dweight", &of_weight, &case.weight, &back["dweight"], 1e-8);
    }
}

/// Sizes at which the CPU splits the work: several blocks of rows, several groups of chunks.
#[test]
fn every_cpu_path_agrees_with_the_twin_and_the_others_at_large_sizes() {
    for sizes in [(600, 2100, 19), (257, 42, 67), (257, 513, 67), (257, 1537, 67)] {
        let case = Case::undrawn(sizes);
        for call in [Forward, Backward] {
            let first = case.run(call, &Cpu::<f32>::new(1).unwrap());
            first.assert_near(&format!("{sizes:?}"), &case.run(call, &twin()));
            for path in available_paths() {
                for threads in [1, 2, 3] {
                    let name = format!("{sizes:?} on {} with {threads} threads", path.name());
                    case.run(call, &Cpu::<f32>::with_path(threads, path).unwrap()).assert_same(&name, &first);
                }
            }
        }
    }
}

#[test]
fn facts_have_the_same_bits_alone_and_in_a_batch() {
    for vocab in VOCABULARIES {
        let case = Case::undrawn((257, vocab, 67));
        for cpu in fast_backends() {
            assert_alone_as_in_the_batch(cpu.path().name(), &on(&cpu), &case, &[0..1, 5..6, 127..129, 240..257]);
        }
    }
}

#[test]
fn facts_have_the_same_bits_alone_and_in_a_batch_cuda_too() {
    for vocab in [42, 513] {
        let case = Case::undrawn((67, vocab, 7));
        on_every_backend(|name, run| assert_alone_as_in_the_batch(name, run, &case, &[0..1, 5..6, 63..65, 60..67]));
    }
}

fn assert_alone_as_in_the_batch(name: &str, run: Run<'_, Case>, case: &Case, parts: &[std::ops::Range<usize>]) {
    let want = forward(run, case);
    for rows in parts {
        let alone = forward(run, &case.rows(rows.clone()));
        for row in rows.clone() {
            assert_eq!(alone.bits(row - rows.start), want.bits(row), "row {row} of {:?} on {name}", case.shape);
        }
    }
}

#[test]
fn a_large_vocabulary_in_several_turns_has_the_bits_of_single_rows() {
    let cpu = Cpu::<f32>::new(2).unwrap();
    let case = Case::undrawn((900, 151_936, 1));
    let facts = forward(&on(&cpu), &case);
    for row in [0, 895, 896, 899] {
        assert_eq!(forward(&on(&cpu), &case.rows(row..row + 1)).bits(0), facts.bits(row), "row {row}");
    }
}

#[test]
fn rows_without_a_gradient_contribute_nothing_cuda_too() {
    let mut case = Case::undrawn((31, 97, 17));
    let dead = |row: usize| row % 5 == 2;
    for row in (0..31).filter(|&r| dead(r)) {
        (case.dlogprob[row], case.dentropy[row]) = (0.0, 0.0);
        case.x[row * 17..][..17].fill([f64::NAN, f64::INFINITY][row % 2]);
    }
    let mut without = case.clone();
    without.dlogprob.fill(0.0);
    without.dentropy.fill(0.0);
    on_every_backend(|name, run| {
        let back = run(&case, Backward);
        for (row, dx) in back["dx"].chunks(17).enumerate() {
            let zero = dx.iter().all(|&x| x == 0.0);
            assert_eq!(zero, dead(row) || (case.dlogprob[row] == 0.0 && case.dentropy[row] == 0.0), "row {row} on {name}");
        }
        assert!(back["dweight"].iter().all(|x| x.is_finite()), "{name}");
        let back = run(&without, Backward);
        assert!(back["dx"].iter().all(|&x| x == 0.0), "no gradient at all on {name}");
        assert_same_bits("no gradient at all", &back["dweight"], &case.dweight);
    });
}

#[test]
fn the_temperature_divides_the_logits_cuda_too() {
    let hot = Case::undrawn((17, 513, 31)).at(0.5);
    let mut halved = hot.clone().at(1.0);
    halved.x.iter_mut().for_each(|x| *x *= 0.5); // exact, so the bits agree
    on_every_backend(|name, run| assert_eq!(forward(run, &hot), forward(run, &halved), "{name}"));
}

#[test]
fn equal_logits_are_a_uniform_distribution_cuda_too() {
    for vocab in VOCABULARIES {
        let mut case = Case::undrawn((3, vocab, 5));
        case.x.fill(0.0);
        let n = vocab as f64;
        let want = [-libm::log(n), libm::log(n), 1.0 / n, libm::log(n)];
        on_every_backend(|name, run| {
            let facts = forward(run, &case);
            (0..3).for_each(|row| assert_close(&format!("row {row} on {name}"), &facts.row(row), &want, 1e-6));
        });
    }
}

#[test]
fn extreme_logits_stay_finite_cuda_too() {
    let mut case = Case::undrawn((4, 1537, 2)).at(1.0);
    case.weight.chunks_mut(2).for_each(|w| w.copy_from_slice(&[0.0, 0.0]));
    (case.weight[2 * 1000], case.weight[2 * 700]) = (1.0, -1.0); // logits are 0 but for tokens 1000 and 700
    case.x = vec![1e4, 0.0, -1e4, 0.0, 1e4, 0.0, 30.0, 0.0];
    case.targets = vec![1000, 1000, 700, 1000];
    let (want, want_back) = (forward(&on(&twin()), &case), case.run(Backward, &twin()));
    on_every_backend(|name, run| {
        let facts = forward(run, &case);
        (0..4).for_each(|row| assert_close(&format!("row {row} on {name}"), &facts.row(row), &want.row(row), 1e-6));
        assert_eq!(facts.row(0)[..3], [0.0, 0.0, 1.0], "{name}");
        assert_eq!([facts.row(1)[0], facts.row(2)[0]], [-2e4, -2e4], "{name}");
        let back = run(&case, Backward);
        for output in ["dx", "dweight"] {
            assert_close(&format!("{output} on {name}"), &back[output], &want_back[output], 1e-4);
        }
    });
}

#[test]
fn nan_and_infinite_logits_reach_the_facts_of_their_row_alone_cuda_too() {
    on_fast_backends(|name, run| {
        for vocab in [42, 1537] {
            let clean = Case::undrawn((5, vocab, 3));
            let want = forward(run, &clean);
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut case = clean.clone();
                case.x[2 * 3] = bad;
                let (tokens, drawn) = sample(run, &case, &[Draw::Uniform(0.5); 5]);
                let (greedy, _) = sample(run, &case, &[Draw::Greedy; 5]);
                let filter = Draw::Filtered { u: 0.5, top_k: 3, top_p: 0.9, min_p: 0.1 };
                let (filtered, _) = sample(run, &case, &[filter; 5]);
                assert!([tokens, greedy, filtered].concat().iter().all(|&t| (t as usize) < vocab));
                let facts = forward(run, &case);
                for facts in [&facts, &drawn] {
                    let numbers = facts.row(2);
                    assert!(numbers[..3].iter().all(|x| x.is_nan()), "x = {bad} on {name}: {numbers:?}");
                }
                for row in [0, 1, 3, 4] {
                    assert_eq!(facts.bits(row), want.bits(row), "row {row} on {name}");
                }
            }
        }
    });
}

#[test]
#[should_panic(expected = "lm_head_forward: target Some(97) of a vocabulary of 97")]
fn a_target_outside_the_vocabulary_is_refused() {
    let mut case = Case::undrawn((3, 97, 5));
    case.targets[1] = 97;
    case.run(Forward, &Cpu::<f32>::new(1).unwrap());
}

#[test]
#[should_panic(expected = "lm_head_sample: 2 draws for 3 rows")]
fn too_few_draws_are_refused() {
    sample(&on(&Cpu::<f32>::new(1).unwrap()), &Case::undrawn((3, 97, 5)), &[Draw::Greedy; 2]);
}

#[test]
#[should_panic(expected = "lm_head_forward: inverse temperature 0")]
fn an_infinite_temperature_is_refused() {
    Case::undrawn((3, 97, 5)).at(0.0).run(Forward, &Cpu::<f32>::new(1).unwrap());
}

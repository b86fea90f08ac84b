//! The laws of drawing a token.

use super::*;

/// `rows` copies of one distribution.
fn repeated(rows: usize, vocab: usize) -> Case {
    let one = Case::undrawn((1, vocab, 31));
    let mut case = Case::undrawn((rows, vocab, 31));
    case.x = one.x.repeat(rows);
    case.weight = one.weight;
    case
}

/// The draw with its uniform number moved by `by`.
pub(super) fn moved(draw: Draw, by: f64) -> Draw {
    match draw {
        Draw::Greedy => draw,
        Draw::Uniform(u) => Draw::Uniform((u + by).clamp(0.0, 1.0)),
        Draw::Filtered { u, top_k, top_p, min_p } => Draw::Filtered { u: (u + by).clamp(0.0, 1.0), top_k, top_p, min_p },
    }
}

/// Checks that each backend draws what the plain inverse CDF draws, but for draws within 1e-6 of a boundary.
fn assert_draws(case: &Case, draws: &[Draw]) {
    let plain = twin();
    let moved = |by: f64| sample(&on(&plain), case, &draws.iter().map(|&d| moved(d, by)).collect::<Vec<_>>()).0;
    let (below, above) = (moved(-1e-6), moved(1e-6));
    let near = below.iter().zip(&above).filter(|(b, a)| b != a).count();
    assert!(near * 10 <= draws.len(), "{near} of {} draws are near a boundary: the test says little", draws.len());
    on_fast_backends(|name, run| {
        let (tokens, _) = sample(run, case, draws);
        for (row, token) in tokens.iter().enumerate() {
            let is_right = (below[row]..=above[row]).contains(token);
            assert!(is_right, "{:?} on {name}: {:?} drew {token}, not {}", case.shape, draws[row], below[row]);
        }
    });
}

#[test]
fn uniform_draws_follow_the_inverse_cdf_cuda_too() {
    for vocab in VOCABULARIES {
        let rows = 160;
        let draws: Vec<Draw> = (0..rows).map(|i| Draw::Uniform((i as f64 + 0.5) / rows as f64)).collect();
        assert_draws(&repeated(rows, vocab), &draws);
    }
}

#[test]
fn the_ends_of_the_unit_interval_draw_the_first_and_the_last_token_cuda_too() {
    let draws = [0.0, 1.0 - f64::EPSILON / 2.0, 1.0, f64::NAN, -1.0].map(Draw::Uniform);
    on_fast_backends(|name, run| {
        for vocab in VOCABULARIES {
            let (tokens, _) = sample(run, &repeated(5, vocab), &draws);
            assert_eq!((tokens[0], tokens[4]), (0, 0), "{name}");
            // the mass of the last token is far above the rounding of the sum
            assert_eq!(tokens[1..3], [vocab as u32 - 1; 2], "{vocab} tokens on {name}");
            assert!((tokens[3] as usize) < vocab, "{name}");
        }
    });
}

#[test]
fn tokens_without_mass_are_never_drawn_cuda_too() {
    let rows = 64;
    let alive = |token: usize| token % 40 == 3 || token == 41;
    let us: Vec<f64> = (0..rows).map(|i| i as f64 / (rows - 1) as f64).collect();
    let plain: Vec<Draw> = us.iter().map(|&u| Draw::Uniform(u)).collect();
    let filtered: Vec<Draw> = us.iter().step_by(9).map(|&u| filter(u, 0, 1.0, 0.0)).collect();
    on_fast_backends(|name, run| {
        for vocab in VOCABULARIES {
            let mut case = repeated(rows, vocab);
            case.x.fill(0.0);
            case.x.iter_mut().step_by(31).for_each(|x| *x = 1.0);
            for (token, w) in case.weight.chunks_mut(31).enumerate() {
                w.fill(0.0);
                w[0] = if alive(token) { 1.0 } else { -200.0 * (token % 2 + 1) as f64 };
            }
            for draws in [&plain, &filtered] {
                let (tokens, facts) = sample(run, &case.rows(0..draws.len()), draws);
                assert!(tokens.iter().all(|&t| alive(t as usize)), "{name}: {tokens:?}");
                assert!((0..draws.len()).all(|row| facts.row(row)[0].is_finite()), "{name}");
            }
        }
    });
}

#[test]
fn greedy_takes_the_lowest_id_among_the_most_likely_cuda_too() {
    let rows = 7;
    on_fast_backends(|name, run| {
        for vocab in VOCABULARIES {
            let mut case = Case::undrawn((rows, vocab, 17));
            let want = sample(&on(&twin()), &case, &[Draw::Greedy; 7]).0;
            assert_eq!(sample(run, &case, &[Draw::Greedy; 7]).0, want, "{name}");

            let (low, high) = (vocab / 2, vocab - 1); // make two tokens equal, and the most likely
            for token in [low, high] {
                case.weight[token * 17..][..17].fill(0.0);
                case.weight[token * 17] = 100.0;
            }
            case.x.iter_mut().step_by(17).for_each(|x| *x = 1.0);
            assert_eq!(sample(run, &case, &[Draw::Greedy; 7]).0, [low as u32; 7], "{name}");
            let one_of_them = [filter(0.25, 0, 1.0, 1.0), filter(0.75, 0, 1.0, 1.0), filter(0.75, 1, 1.0, 0.0)];
            let draws: Vec<Draw> = (0..rows).map(|i| one_of_them[i % 3]).collect();
            let want: Vec<u32> = (0..rows).map(|i| [low, high, low][i % 3] as u32).collect();
            assert_eq!(sample(run, &case, &draws).0, want, "min_p = 1 keeps both, top_k = 1 the lower, on {name}");
        }
    });
}

fn filter(u: f64, top_k: u32, top_p: f64, min_p: f64) -> Draw {
    Draw::Filtered { u, top_k, top_p, min_p }
}

#[test]
fn the_narrowest_filters_are_greedy_cuda_too() {
    let narrow = [filter(0.9, 1, 1.0, 0.0), filter(0.9, 0, 1e-9, 0.0), filter(0.9, 0, 0.0, 0.0), filter(0.9, 0, 1.0, 1.0)];
    on_fast_backends(|name, run| {
        for vocab in VOCABULARIES {
            let case = Case::undrawn((5, vocab, 17)).at(0.3);
            let greedy = sample(run, &case, &[Draw::Greedy; 5]);
            for draw in narrow {
                assert_eq!(sample(run, &case, &[draw; 5]), greedy, "{draw:?} on {name}");
            }
        }
    });
}

#[test]
fn filtered_draws_follow_the_inverse_cdf_of_what_is_kept_cuda_too() {
    let mut numbers = Numbers::new(7);
    for vocab in VOCABULARIES {
        let case = Case::undrawn((31, vocab, 31)).at(0.7);
        let draws: Vec<Draw> = (0..31)
            .map(|i| {
                let top_k = if i % 2 == 0 { numbers.below(2 * vocab) as u32 } else { 0 };
                let top_p = if i % 3 == 0 { numbers.uniform() } else { 1.0 };
                let min_p = if i % 5 == 0 { 0.3 * numbers.uniform() } else { 0.0 };
                filter(numbers.uniform(), top_k, top_p, min_p)
            })
            .collect();
        assert_draws(&case, &draws);
    }
}

#[test]
fn facts_of_a_draw_are_bit_for_bit_those_of_the_forward_cuda_too() {
    let rows = 67;
    for vocab in VOCABULARIES {
        let mut case = Case::undrawn((rows, vocab, 31));
        let mut numbers = Numbers::new(vocab as u64);
        let draws: Vec<Draw> = (0..rows)
            .map(|i| match i % 7 {
                0 => Draw::Greedy,
                1 => filter(numbers.uniform(), 50, 0.95, 0.01),
                _ => Draw::Uniform(numbers.uniform()),
            })
            .collect();
        let want = sample(&on(&Cpu::<f32>::new(1).unwrap()), &case, &draws);
        case.targets.clone_from(&want.0);
        on_fast_backends(|name, run| {
            assert!(sample(run, &case, &draws) == want, "{vocab} tokens on {name}: draws");
            assert!(forward(run, &case) == want.1, "{vocab} tokens on {name}: forward at the drawn tokens");
            for row in [1, 66] {
                let alone = sample(run, &case.rows(row..row + 1), &draws[row..=row]);
                assert_eq!((alone.0[0], alone.1.bits(0)), (want.0[row], want.1.bits(row)), "{name}: row {row} alone");
            }
        });
    }
}

//! The laws of drawing a token.

use super::*;

/// `rows` copies of one distribution.
fn repeated(rows: usize, vocab: usize) -> Case {
    let one = Case::new(1, vocab, 31, 1.25);
    let mut case = Case::new(rows, vocab, 31, 1.25);
    case.x = one.x.repeat(rows);
    case.weight = one.weight;
    case
}

/// The draw with its uniform number moved by `by`.
fn moved(draw: Draw, by: f64) -> Draw {
    match draw {
        Draw::Greedy => draw,
        Draw::Uniform(u) => Draw::Uniform((u + by).clamp(0.0, 1.0)),
        Draw::Filtered { u, top_k, top_p, min_p } => Draw::Filtered { u: (u + by).clamp(0.0, 1.0), top_k, top_p, min_p },
    }
}

/// Checks that each backend draws what the plain inverse CDF draws, but for draws within 1e-6 of a boundary.
fn assert_draws(case: &Case, draws: &[Draw]) {
    let plain = Cpu::<f64>::new(1).unwrap();
    let moved = |by: f64| sample(&plain, case, &draws.iter().map(|&d| moved(d, by)).collect::<Vec<_>>()).0;
    let (below, above) = (moved(-1e-6), moved(1e-6));
    let near = below.iter().zip(&above).filter(|(b, a)| b != a).count();
    assert!(near * 10 <= draws.len(), "{near} of {} draws are near a boundary: the test says little", draws.len());
    for cpu in fast_backends() {
        let (tokens, _) = sample(&cpu, case, draws);
        for (row, token) in tokens.iter().enumerate() {
            let name = describe(&cpu, case);
            assert!((below[row]..=above[row]).contains(token), "{name}: {:?} drew {token}, not {}", draws[row], below[row]);
        }
    }
}

#[test]
fn uniform_draws_follow_the_inverse_cdf() {
    for vocab in VOCABULARIES {
        let rows = 500;
        let draws: Vec<Draw> = (0..rows).map(|i| Draw::Uniform((i as f64 + 0.5) / rows as f64)).collect();
        assert_draws(&repeated(rows, vocab), &draws);
    }
}

#[test]
fn the_ends_of_the_unit_interval_draw_the_first_and_the_last_token() {
    for cpu in fast_backends() {
        for vocab in VOCABULARIES {
            let draws = [0.0, 1.0 - f64::EPSILON / 2.0, 1.0, f64::NAN, -1.0].map(Draw::Uniform);
            let (tokens, _) = sample(&cpu, &repeated(5, vocab), &draws);
            assert_eq!((tokens[0], tokens[4]), (0, 0));
            // the mass of the last token is far above the rounding of the sum
            assert_eq!(tokens[1..3], [vocab as u32 - 1; 2], "{}", describe(&cpu, &repeated(5, vocab)));
            assert!((tokens[3] as usize) < vocab);
        }
    }
}

#[test]
fn tokens_without_mass_are_never_drawn() {
    for cpu in fast_backends() {
        for vocab in VOCABULARIES {
            let rows = 64;
            let mut case = repeated(rows, vocab);
            case.x.fill(0.0);
            case.x.iter_mut().step_by(31).for_each(|x| *x = 1.0);
            let alive = |token: usize| token % 40 == 3 || token == 41;
            for (token, w) in case.weight.chunks_mut(31).enumerate() {
                w.fill(0.0);
                w[0] = if alive(token) { 1.0 } else { -200.0 * (token % 2 + 1) as f64 };
            }
            let us = (0..rows).map(|i| i as f64 / (rows - 1) as f64);
            for filtered in [false, true] {
                let draws: Vec<Draw> =
                    us.clone().map(|u| if filtered { filter(u, 0, 1.0, 0.0) } else { Draw::Uniform(u) }).collect();
                let (tokens, facts) = sample(&cpu, &case, &draws);
                assert!(tokens.iter().all(|&t| alive(t as usize)), "{tokens:?}");
                assert!(facts.logprob.iter().all(|x| x.is_finite()));
            }
        }
    }
}

#[test]
fn greedy_takes_the_lowest_id_among_the_most_likely() {
    for cpu in fast_backends() {
        for vocab in VOCABULARIES {
            let mut case = Case::new(31, vocab, 17, 1.0);
            let want = sample(&Cpu::<f64>::new(1).unwrap(), &case, &[Draw::Greedy; 31]).0;
            assert_eq!(sample(&cpu, &case, &[Draw::Greedy; 31]).0, want);

            let (low, high) = (vocab / 2, vocab - 1); // make two tokens equal, and the most likely
            for token in [low, high] {
                case.weight[token * 17..][..17].fill(0.0);
                case.weight[token * 17] = 100.0;
            }
            case.x.iter_mut().step_by(17).for_each(|x| *x = 1.0);
            assert_eq!(sample(&cpu, &case, &[Draw::Greedy; 31]).0, [low as u32; 31]);
            let one_of_them = [filter(0.25, 0, 1.0, 1.0), filter(0.75, 0, 1.0, 1.0), filter(0.75, 1, 1.0, 0.0)];
            let draws: Vec<Draw> = (0..31).map(|i| one_of_them[i % 3]).collect();
            let want: Vec<u32> = (0..31).map(|i| [low, high, low][i % 3] as u32).collect();
            assert_eq!(sample(&cpu, &case, &draws).0, want, "min_p = 1 keeps both, top_k = 1 the lower");
        }
    }
}

fn filter(u: f64, top_k: u32, top_p: f64, min_p: f64) -> Draw {
    Draw::Filtered { u, top_k, top_p, min_p }
}

#[test]
fn the_narrowest_filters_are_greedy() {
    for cpu in fast_backends() {
        for vocab in VOCABULARIES {
            let case = Case::new(31, vocab, 17, 0.3);
            let greedy = sample(&cpu, &case, &[Draw::Greedy; 31]);
            for draw in [filter(0.9, 1, 1.0, 0.0), filter(0.9, 0, 1e-9, 0.0), filter(0.9, 0, 0.0, 0.0), filter(0.9, 0, 1.0, 1.0)]
            {
                assert_eq!(sample(&cpu, &case, &[draw; 31]), greedy, "{draw:?}");
            }
        }
    }
}

#[test]
fn filtered_draws_follow_the_inverse_cdf_of_what_is_kept() {
    let mut numbers = Numbers::new(7);
    for vocab in VOCABULARIES {
        let case = Case::new(257, vocab, 31, 0.7);
        let draws: Vec<Draw> = (0..257)
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
fn facts_of_a_draw_are_bit_for_bit_those_of_the_forward() {
    for vocab in VOCABULARIES {
        let mut case = Case::new(131, vocab, 67, 1.25);
        let mut numbers = Numbers::new(vocab as u64);
        let draws: Vec<Draw> = (0..131)
            .map(|i| match i % 7 {
                0 => Draw::Greedy,
                1 | 2 => filter(numbers.uniform(), 50, 0.95, 0.01),
                _ => Draw::Uniform(numbers.uniform()),
            })
            .collect();
        let want = sample(&Cpu::<f32>::new(1).unwrap(), &case, &draws);
        case.targets.clone_from(&want.0);
        for cpu in fast_backends() {
            let name = describe(&cpu, &case);
            assert!(sample(&cpu, &case, &draws) == want, "{name}: draws");
            assert!(forward(&cpu, &case) == want.1, "{name}: forward at the drawn tokens");
            for row in [0, 1, 64, 130] {
                let alone = sample(&cpu, &case.rows(row..row + 1), &draws[row..=row]);
                assert_eq!((alone.0[0], alone.1.bits(0)), (want.0[row], want.1.bits(row)), "{name}: row {row} alone");
            }
        }
    }
}

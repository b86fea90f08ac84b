//! The lines in which benches state their rate beside a ceiling of the same moment.
//!
//! Criterion stores medians of a bench only. A share of the peak needs the peak of the same moment, because a machine's
//! clock moves; the benches measure it between their own iterations and print both.

/// One line: a rate beside its ceiling.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Such as `forward/576x1536/128` or `smollm2/sample/32`, without the threads.
    pub name: String,
    pub threads: usize,
    /// GFLOP/s.
    pub rate: f64,
    /// Rate over ceiling.
    pub share: f64,
    /// What the rate is compared with, GFLOP/s.
    pub ceiling: f64,
    pub against: Ceiling,
    /// Rate over what the measured reading of memory can feed, for products whose weights come from there.
    pub fed: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ceiling {
    /// Fused multiply-adds from registers (bench `gemm`).
    Peak,
    /// A matrix product of the same run (benches `attention` and `lm_head`).
    Product,
}

/// All such lines of what benches printed; other lines are passed over.
pub fn parse(text: &str) -> Vec<Share> {
    text.lines().filter_map(|line| tabled(line).or_else(|| attention(line))).collect()
}

/// `TABLE forward/576x1536/128/1t  150.1 GFLOP/s = 0.93 of the peak 161, …` or `… of linear_forward's 150.0`.
fn tabled(line: &str) -> Option<Share> {
    let (left, rest) = line.strip_prefix("TABLE ")?.split_once(" GFLOP/s = ")?;
    let (name, rate) = left.split_once(' ')?;
    let (name, threads) = name.strip_suffix('t')?.rsplit_once('/')?;
    let (against, marker) = match rest.contains("of the peak ") {
        true => (Ceiling::Peak, "of the peak "),
        false => (Ceiling::Product, "of linear_forward's "),
    };
    let (share, ceiling) = rest.split_once(marker)?;
    let (ceiling, fed) =
        ceiling.split_once(", ").map_or((ceiling, None), |(ceiling, rest)| (ceiling, rest.split_once(" of what ")));
    Some(Share {
        name: name.to_owned(),
        threads: threads.parse().ok()?,
        rate: number(rate)?,
        share: number(share)?,
        ceiling: number(ceiling)?,
        against,
        fed: fed.and_then(|(fed, _)| number(fed)),
    })
}

/// `smollm2/decode/32x64-320/forward: 1.234 ms, 99 GFLOP/s, 0.60 of the GEMM's 165 (1 threads)`.
fn attention(line: &str) -> Option<Share> {
    let (name, rest) = line.split_once(": ")?;
    let (_, rest) = rest.split_once(" ms, ")?;
    let (rate, rest) = rest.split_once(" GFLOP/s, ")?;
    let (share, rest) = rest.split_once(" of the GEMM's ")?;
    let (ceiling, threads) = rest.strip_suffix(" threads)")?.split_once(" (")?;
    Some(Share {
        name: name.to_owned(),
        threads: threads.parse().ok()?,
        rate: number(rate)?,
        share: number(share)?,
        ceiling: number(ceiling)?,
        against: Ceiling::Product,
        fed: None,
    })
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// The rows of a product's name: the last part of `forward/576x1536/128`.
pub fn rows(share: &Share) -> Option<usize> {
    share.name.rsplit('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(name: &str, threads: usize, numbers: [f64; 3], against: Ceiling) -> Share {
        let [rate, share, ceiling] = numbers;
        Share { name: name.to_owned(), threads, rate, share, ceiling, against, fed: None }
    }

    #[test]
    fn the_lines_of_the_three_benches_are_read() {
        let text = "\
Benchmarking forward/576x1536/128/1t: Analyzing
TABLE forward/576x1536/128/1t                150.1 GFLOP/s = 0.93 of the peak 161
TABLE forward/576x1536/8/2t                  77.0 GFLOP/s = 0.24 of the peak 321, 0.97 of what 9.9 GB/s feed
TABLE smollm2/sample/32/1t             120.5 GFLOP/s = 0.97 of linear_forward's 124.2
smollm2/decode/32x64-320/forward: 1.234 ms, 99 GFLOP/s, 0.60 of the GEMM's 165 (2 threads)
                        time:   [1.2 ms 1.3 ms 1.4 ms]
";
        let expected = [
            share("forward/576x1536/128", 1, [150.1, 0.93, 161.0], Ceiling::Peak),
            Share { fed: Some(0.97), ..share("forward/576x1536/8", 2, [77.0, 0.24, 321.0], Ceiling::Peak) },
            share("smollm2/sample/32", 1, [120.5, 0.97, 124.2], Ceiling::Product),
            share("smollm2/decode/32x64-320/forward", 2, [99.0, 0.60, 165.0], Ceiling::Product),
        ];
        assert_eq!(parse(text), expected);
        assert_eq!(expected.each_ref().map(rows), [Some(128), Some(8), Some(32), None]);
    }

    #[test]
    fn torn_lines_are_no_shares() {
        for line in ["TABLE forward/576x1536/128/1t  150.1 GFLOP/s = ", "TABLE x", "a: 1 ms, 2 GFLOP/s, ", ""] {
            assert_eq!(parse(line), [], "{line}");
        }
    }
}

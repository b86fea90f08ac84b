//! Rows of the ops: shares of the peak, of a matrix product, or of a plain copy, measured by one bench.

use super::criterion::Measurements;
use super::median;
use super::printed::{Ceiling, Share, rows};
use super::speed_row::{Goal, Row};

const GEMM: &str = "cargo bench -p curt-benches --bench gemm";
const ATTENTION: &str = "cargo bench -p curt-benches --bench attention";
const LM_HEAD: &str = "cargo bench -p curt-benches --bench lm_head";
const ELEMENTWISE: &str = "cargo bench -p curt-benches --bench elementwise";

/// Products on one core and on two, forward and backward.
pub fn products(shares: &[Share]) -> Vec<Row> {
    let forward = |what, least: f64, wanted: fn(usize) -> bool| {
        worst(Row::new(what, GEMM, &[Goal::Ratio(least)]), shares, |share| {
            share.threads == 1 && share.name.starts_with("forward/") && rows(share).is_some_and(wanted)
        })
    };
    vec![
        forward("forward products of 128 rows and more, one core", 0.9, |rows| rows >= 128),
        forward("forward products of 32 rows, one core", 0.65, |rows| rows == 32),
        forward("forward products of 8 rows, one core", 0.4, |rows| rows == 8),
        worst(Row::new("backward products of 1024 and 4096 rows, one core", GEMM, &[Goal::Ratio(0.8)]), shares, |share| {
            share.threads == 1 && share.name.starts_with("backward_")
        }),
        two_cores(shares),
    ]
}

/// Ops beside the product of the same run or a copy; nothing was aimed at.
pub fn ops(shares: &[Share], measurements: &Measurements) -> Vec<Row> {
    let beside_product = |what, command, wanted: fn(&str) -> bool| {
        let of_bench = |share: &Share| share.against == Ceiling::Product && share.threads == 1 && wanted(&share.name);
        worst(Row::new(what, command, &[]), shares, of_bench)
    };
    vec![
        beside_product("attention forward beside a product, one core", ATTENTION, |name| name.ends_with("/forward")),
        beside_product("attention backward beside a product, one core", ATTENTION, |name| name.ends_with("/backward")),
        beside_product("LM head, sampling, beside its product, one core", LM_HEAD, |name| name.contains("/sample/")),
        beside_product("LM head forward beside its product, one core", LM_HEAD, |name| name.contains("/forward/")),
        beside_product("LM head backward beside its product, one core", LM_HEAD, |name| name.contains("/backward/")),
        copies(measurements),
    ]
}

/// The row of the smallest share among those wanted, with the median of all.
fn worst(row: Row, shares: &[Share], wanted: impl Fn(&Share) -> bool) -> Row {
    let found: Vec<&Share> = shares.iter().filter(|share| wanted(share)).collect();
    let Some(least) = found.iter().min_by(|a, b| a.share.total_cmp(&b.share)) else { return row };
    let fed = least.fed.map_or(String::new(), |fed| format!(", {fed:.2} of what memory feeds"));
    let ceiling = match least.against {
        Ceiling::Peak => "peak",
        Ceiling::Product => "product",
    };
    Row {
        ours: Some(format!("{:.1} GFLOP/s ({}{fed})", least.rate, least.name)),
        other: Some(format!("{ceiling} {:.0} GFLOP/s", least.ceiling)),
        ratio: Some(least.share),
        remark: middle(found.iter().map(|share| share.share)),
        ..row
    }
}

/// How much faster two cores are than one, over the products that training makes.
fn two_cores(shares: &[Share]) -> Row {
    let row = Row::new("products of 128 rows and more, two cores beside one", GEMM, &[Goal::Ratio(1.7)]);
    let large = |share: &&Share| share.against == Ceiling::Peak && rows(share).is_some_and(|rows| rows >= 128);
    let of = |threads: usize| shares.iter().filter(large).filter(move |share| share.threads == threads);
    let pairs = of(2).filter_map(|two| Some((two, of(1).find(|one| one.name == two.name)?)));
    let pairs: Vec<(&Share, &Share)> = pairs.collect();
    let gain = |(two, one): &(&Share, &Share)| two.rate / one.rate;
    let Some(least) = pairs.iter().min_by(|a, b| gain(a).total_cmp(&gain(b))) else { return row };
    Row {
        ours: Some(format!("{:.1} GFLOP/s ({})", least.0.rate, least.0.name)),
        other: Some(format!("one core {:.1} GFLOP/s", least.1.rate)),
        ratio: Some(gain(least)),
        remark: middle(pairs.iter().map(gain)),
        ..row
    }
}

/// The memory-bound op that is slowest beside a copy of the same numbers.
fn copies(measurements: &Measurements) -> Row {
    let row = Row::new("memory-bound ops beside a copy, one core", ELEMENTWISE, &[]);
    let rates = measurements.iter().filter_map(|(name, measurement)| {
        let (group, op) = name.split_once('/')?;
        let copy = measurements.get(&format!("{group}/copy"))?.rate()?;
        (op != "copy").then_some((name, measurement.rate()?, copy))
    });
    let rates: Vec<(&String, f64, f64)> = rates.collect();
    let share = |(_, rate, copy): &(&String, f64, f64)| rate / copy;
    let Some(least) = rates.iter().min_by(|a, b| share(a).total_cmp(&share(b))) else { return row };
    Row {
        ours: Some(format!("{:.1} GB/s ({})", least.1 * 1e-9, least.0)),
        other: Some(format!("copy {:.1} GB/s", least.2 * 1e-9)),
        ratio: Some(share(least)),
        remark: middle(rates.iter().map(share)),
        ..row
    }
}

/// A ratio is the worst of many; the middle one says whether it is typical.
fn middle(ratios: impl Iterator<Item = f64>) -> String {
    let ratios: Vec<f64> = ratios.collect();
    let count = ratios.len();
    median(ratios).map_or(String::new(), |middle| format!(" (worst of {count}, median {middle:.2})"))
}

#[cfg(test)]
mod tests {
    use super::super::criterion::Measurement;
    use super::super::printed::parse;
    use super::*;

    const GEMM_LINES: &str = "\
TABLE forward/576x1536/128/1t   150.0 GFLOP/s = 0.94 of the peak 160
TABLE forward/128x128/4096/1t   136.0 GFLOP/s = 0.85 of the peak 160
TABLE forward/128x128/8/1t   40.0 GFLOP/s = 0.25 of the peak 160, 0.97 of what 10.3 GB/s feed
TABLE forward/576x1536/128/2t   285.0 GFLOP/s = 0.89 of the peak 320
TABLE smollm2/sample/32/1t   140.0 GFLOP/s = 0.95 of linear_forward's 147.4
tiny/decode/128x40/forward: 0.123 ms, 80 GFLOP/s, 0.50 of the GEMM's 160 (1 threads)
";

    #[test]
    fn a_row_of_products_is_its_worst() {
        let rows = products(&parse(GEMM_LINES));
        let large = rows[0].cells();
        assert_eq!(large[2..5], ["136.0 GFLOP/s (forward/128x128/4096)", "peak 160 GFLOP/s", "0.85 (worst of 2, median 0.90)"]);
        assert_eq!(large[6], "**no**");
        assert_eq!(rows[1].cells()[2], "not measured");
        assert_eq!(rows[2].cells()[2], "40.0 GFLOP/s (forward/128x128/8, 0.97 of what memory feeds)");
        assert_eq!(rows[4].cells()[3..7], ["one core 150.0 GFLOP/s", "1.90 (worst of 1, median 1.90)", "≥ 1.7 ×", "yes"]);
    }

    #[test]
    fn ops_stand_beside_a_product_or_a_copy() {
        let bench = |seconds| Measurement { seconds, amount: Some(1e9) };
        let measured = [("8192x128/copy", 0.1), ("8192x128/swiglu_forward", 0.2), ("16M parameters, 2 threads/adamw", 9.0)];
        let measured = measured.into_iter().map(|(name, seconds)| (name.to_owned(), bench(seconds))).collect();
        let found: Vec<Option<f64>> = ops(&parse(GEMM_LINES), &measured).iter().map(|row| row.ratio).collect();
        assert_eq!(found, [Some(0.5), None, Some(0.95), None, None, Some(0.5)]);
    }
}

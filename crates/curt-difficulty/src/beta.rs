//! The Beta distribution: its distribution function and its quantiles.

/// I_x(a, b), the probability that a Beta(a, b) number is at most x: by the continued fraction of the incomplete beta
/// function (DLMF 8.17.22), on the side of the mean where it converges fast. a and b are above 0. The error is below 1e-12
/// for parameters up to a million.
pub(crate) fn cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let tail = if x * (a + b + 2.0) < a + 1.0 {
        front(x, a, b) * fraction(x, a, b) / a
    } else {
        1.0 - front(x, a, b) * fraction(1.0 - x, b, a) / b
    };
    tail.clamp(0.0, 1.0)
}

/// The x with I_x(a, b) = `share`, by bisection down to neighbouring numbers. `share` is in (0, 1).
pub(crate) fn quantile(share: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    // halving 1 that often passes the smallest number
    for _ in 0..1100 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if cdf(middle, a, b) < share { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// x^a (1−x)^b / B(a, b), as a product whose factors are near 1 where it matters (after Loader's saddle-point form of the
/// binomial distribution): large logarithms of Γ never cancel.
fn front(x: f64, a: f64, b: f64) -> f64 {
    let n = a + b;
    let exponent = stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) - deviance(b, n * (1.0 - x));
    libm::exp(exponent) * (a * b / (2.0 * std::f64::consts::PI * n)).sqrt()
}

/// ln Γ(a) − ((a − ½) ln a − a + ½ ln 2π).
fn stirling_error(a: f64) -> f64 {
    if a < 16.0 {
        let half_ln_two_pi = 0.918_938_533_204_672_8;
        return libm::lgamma(a) - ((a - 0.5) * libm::log(a) - a + half_ln_two_pi);
    }
    let s = 1.0 / (a * a);
    (1.0 / 12.0 - s * (1.0 / 360.0 - s * (1.0 / 1260.0 - s * (1.0 / 1680.0 - s / 1188.0)))) / a
}

/// a ln(a/m) − a + m, which is 0 at m = a: by a series where the terms would cancel.
fn deviance(a: f64, m: f64) -> f64 {
    if m <= 0.0 {
        return f64::INFINITY;
    }
    let v = (a - m) / (a + m);
    if v.abs() >= 0.1 {
        return a * libm::log(a / m) - a + m;
    }
    // ln(a/m) = 2 artanh v, and a − m = v (a + m)
    let (mut power, mut sum, mut odd) = (v, (a - m) * v, 1.0);
    for _ in 0..40 {
        power *= v * v;
        odd += 2.0;
        let next = sum + 2.0 * a * power / odd;
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// The continued fraction 1/(1+ d₁/(1+ d₂/(1+ …))), evaluated forwards (modified Lentz).
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |x: f64| if x.abs() < TINY { TINY } else { x };
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut value = d;
    // it takes about √max(a, b) rounds
    let rounds = 200 + 20 * a.max(b).sqrt() as u32;
    for m in 1..rounds {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        value *= c * d;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms() {
        for step in 0..=20 {
            let x = f64::from(step) / 20.0;
            assert!((cdf(x, 1.0, 1.0) - x).abs() < 1e-15, "{x}");
            assert!((cdf(x, 3.0, 1.0) - x * x * x).abs() < 1e-15, "{x}");
            // P(Bin(3, x) >= 2)
            assert!((cdf(x, 2.0, 2.0) - x * x * (3.0 - 2.0 * x)).abs() < 1e-15, "{x}");
        }
        for (size, error) in [(0.5, 1e-12), (1.0, 1e-12), (8.5, 1e-12), (1e3, 1e-12), (1e6, 1e-12), (4e9, 1e-11)] {
            assert!((cdf(0.5, size, size) - 0.5).abs() < error, "{size}: {}", cdf(0.5, size, size));
        }
    }

    #[test]
    fn quantiles_invert() {
        for (a, b) in [(0.5, 8.5), (4.5, 4.5), (0.5, 1000.5), (3000.5, 2.5)] {
            for share in [0.005, 0.025, 0.5, 0.975, 0.995] {
                let x = quantile(share, a, b);
                assert!((cdf(x, a, b) - share).abs() < 1e-12, "{a} {b} {share}: {x}");
            }
        }
    }
}

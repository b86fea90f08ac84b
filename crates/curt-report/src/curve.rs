//! A quantity over the steps, in bounded memory however many there are.

/// Points of a curve, at most; beyond, neighbours are merged two by two.
pub const MAX_POINTS: usize = 512;

/// One step, or neighbouring ones that were merged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The first step.
    pub first: u32,
    /// The last.
    pub last: u32,
    /// The smallest value.
    pub low: f64,
    /// The largest.
    pub high: f64,
    sum: f64,
    count: u32,
}

impl Point {
    /// The value, of merged steps the mean.
    pub fn value(&self) -> f64 {
        // the sum of one value is that value, to the bit
        if self.count == 1 { self.sum } else { (self.sum / f64::from(self.count)).clamp(self.low, self.high) }
    }

    /// Whether it stands for more than one step.
    pub fn is_merged(&self) -> bool {
        self.count > 1
    }

    fn merge(&mut self, other: &Point) {
        self.last = other.last;
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
        self.sum += other.sum;
        self.count += other.count;
    }
}

/// Values in the order of their steps. The smallest and the largest value of the run are always kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    points: Vec<Point>,
    /// Values per point, a power of two.
    width: u32,
    values: u64,
    /// Values that were not finite.
    missing: u64,
    first: f64,
    last: f64,
}

impl Default for Curve {
    fn default() -> Self {
        Self { points: Vec::new(), width: 1, values: 0, missing: 0, first: f64::NAN, last: f64::NAN }
    }
}

impl Curve {
    /// Adds the value of a step; `None` where it was not finite. False if the step is not behind the ones before.
    pub fn push(&mut self, step: u32, value: Option<f64>) -> bool {
        if self.points.last().is_some_and(|point| point.last >= step) {
            return false;
        }
        let Some(value) = value.filter(|value| value.is_finite()) else {
            self.missing += 1;
            return true;
        };
        if self.values == 0 {
            self.first = value;
        }
        self.last = value;
        self.values += 1;
        let point = Point { first: step, last: step, low: value, high: value, sum: value, count: 1 };
        let is_full = self.points.len() >= MAX_POINTS;
        if let Some(open) = self.points.last_mut().filter(|last| last.count < self.width) {
            open.merge(&point);
            return true;
        }
        if is_full {
            self.halve();
        }
        self.points.push(point);
        true
    }

    fn halve(&mut self) {
        self.width *= 2;
        let merged = self.points.chunks(2).map(|pair| {
            let mut point = pair[0];
            pair[1..].iter().for_each(|next| point.merge(next));
            point
        });
        self.points = merged.collect();
    }

    /// What there is to draw.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// How many values there were.
    pub fn values(&self) -> u64 {
        self.values
    }

    /// How many were not finite.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// The first value and the last; `None` of none.
    pub fn ends(&self) -> Option<(f64, f64)> {
        (self.values > 0).then_some((self.first, self.last))
    }

    /// The smallest value and the largest; `None` of none.
    pub fn extremes(&self) -> Option<(f64, f64)> {
        let low = self.points.iter().map(|point| point.low).reduce(f64::min)?;
        Some((low, self.points.iter().map(|point| point.high).fold(low, f64::max)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curve(values: &[f64]) -> Curve {
        let mut curve = Curve::default();
        for (step, value) in values.iter().enumerate() {
            assert!(curve.push(step as u32 + 1, Some(*value)));
        }
        curve
    }

    #[test]
    fn few_values_are_kept_to_the_bit() {
        let values = [0.1, 1.0 / 3.0, -7e300];
        let found: Vec<f64> = curve(&values).points().iter().map(Point::value).collect();
        assert_eq!(found, values);
    }

    #[test]
    fn many_values_keep_their_number_their_mean_and_their_extremes() {
        let mut values: Vec<f64> = (0..100_000).map(f64::from).collect();
        values[77_777] = 1e9;
        let curve = curve(&values);
        assert!(curve.points().len() <= MAX_POINTS && curve.points().len() > MAX_POINTS / 2);
        assert_eq!(curve.extremes(), Some((0.0, 1e9)));
        assert_eq!((curve.values(), curve.ends()), (100_000, Some((0.0, 99_999.0))));
        let of_points: f64 = curve.points().iter().map(|point| point.sum).sum();
        assert_eq!(of_points, values.iter().sum::<f64>());
        let steps = curve.points().windows(2).all(|pair| pair[0].last + 1 == pair[1].first);
        assert!(steps && curve.points().last().unwrap().last == 100_000);
    }

    #[test]
    fn steps_that_go_back_and_values_that_are_none_change_nothing() {
        let mut curve = curve(&[1.0, 2.0]);
        assert!(!curve.push(2, Some(5.0)));
        assert!(curve.push(3, None) && curve.push(4, Some(f64::NAN)));
        assert_eq!((curve.points().len(), curve.missing()), (2, 2));
        assert_eq!(Curve::default().extremes(), None);
    }

    proptest! {
        #[test]
        fn every_value_lies_in_the_point_of_its_step(values in proptest::collection::vec(-1e6..1e6f64, 1..2000)) {
            let curve = curve(&values);
            for (step, value) in (1..).zip(values) {
                let point = curve.points().iter().find(|point| (point.first..=point.last).contains(&step)).unwrap();
                prop_assert!(point.low <= value && value <= point.high);
                prop_assert!(point.low <= point.value() && point.value() <= point.high);
            }
        }
    }
}

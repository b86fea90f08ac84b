//! Lengths of prompts: how they are spread, and which are too long.

use serde::Serialize;

use crate::Problem;

/// Many lengths, 4 bytes each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    lengths: Vec<u32>,
}

/// How lengths are spread. A quantile q of n lengths is the ⌈q·n⌉-th of them in ascending order, so it is one of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LengthSummary {
    /// How many.
    pub count: usize,
    /// The shortest.
    pub shortest: u32,
    /// Half are at most this long.
    pub median: u32,
    /// Nine of ten are at most this long.
    pub p90: u32,
    /// 99 of 100 are at most this long.
    pub p99: u32,
    /// The longest.
    pub longest: u32,
    /// The mean.
    pub mean: f64,
}

impl Lengths {
    /// Adds a length; what is beyond `u32` counts as its largest number.
    pub fn add(&mut self, length: usize) {
        self.lengths.push(u32::try_from(length).unwrap_or(u32::MAX));
    }

    /// How many are longer than `limit`.
    pub fn beyond(&self, limit: usize) -> usize {
        self.lengths.iter().filter(|length| **length as usize > limit).count()
    }

    /// How they are spread; none where there is none.
    pub fn summary(&self) -> Option<LengthSummary> {
        let mut sorted = self.lengths.clone();
        sorted.sort_unstable();
        let (shortest, longest, count) = (*sorted.first()?, *sorted.last()?, sorted.len());
        let quantile = |percent: usize| sorted[(percent * count).div_ceil(100).max(1) - 1];
        let sum: u64 = sorted.iter().map(|length| u64::from(*length)).sum();
        let (median, p90, p99) = (quantile(50), quantile(90), quantile(99));
        Some(LengthSummary { count, shortest, median, p90, p99, longest, mean: sum as f64 / count as f64 })
    }
}

/// Lets problems through whose prompt is at most so many tokens long, and counts the others. The caller counts tokens: with a
/// model's tokenizer, and with its chat template and the suffix, which are part of what the model reads.
#[derive(Debug)]
pub struct LengthFilter<F> {
    limit: usize,
    tokens: F,
    /// How many problems were too long.
    pub dropped: usize,
    /// The ids and lengths of the first of them, [`NAMED`](crate::NAMED) at most.
    pub first: Vec<(String, usize)>,
}

impl<E, F: FnMut(&Problem) -> Result<usize, E>> LengthFilter<F> {
    /// A filter for prompts of up to `limit` tokens, as `tokens` counts them.
    pub fn new(limit: usize, tokens: F) -> Self {
        Self { limit, tokens, dropped: 0, first: Vec::new() }
    }

    /// Whether the problem is short enough. Error: that of the closure.
    pub fn keeps(&mut self, problem: &Problem) -> Result<bool, E> {
        let length = (self.tokens)(problem)?;
        if length <= self.limit {
            return Ok(true);
        }
        self.dropped += 1;
        if self.first.len() < crate::NAMED {
            self.first.push((problem.id.clone(), length));
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::Prompt;

    fn lengths(all: impl IntoIterator<Item = usize>) -> Lengths {
        let mut lengths = Lengths::default();
        all.into_iter().for_each(|length| lengths.add(length));
        lengths
    }

    #[test]
    fn quantiles_are_lengths_that_occur() {
        let summary = lengths((1..=100).rev()).summary().unwrap();
        let expected = LengthSummary { count: 100, shortest: 1, median: 50, p90: 90, p99: 99, longest: 100, mean: 50.5 };
        assert_eq!(summary, expected);
        let one = lengths([7]).summary().unwrap();
        assert_eq!((one.median, one.p99, one.mean), (7, 7, 7.0));
        assert_eq!(lengths([3, 1, 2]).summary().unwrap().median, 2);
        assert_eq!(lengths([4, 1, 2, 3]).summary().unwrap().median, 2);
        assert_eq!(Lengths::default().summary(), None);
        assert_eq!(lengths([1, 5, 5, 6]).beyond(4), 3);
        assert_eq!(lengths([usize::MAX]).summary().unwrap().longest, u32::MAX);
    }

    #[test]
    fn too_long_prompts_are_counted_and_named() {
        let problem = |id: &str, text: &str| {
            let (prompt, answer, source) = (Prompt::Text(text.into()), String::new(), String::new());
            Problem { id: id.into(), prompt, answer, source, difficulty: None, extra: Map::new() }
        };
        let mut filter = LengthFilter::new(3, |problem: &Problem| match &problem.prompt {
            Prompt::Text(text) if text.is_empty() => Err("nothing to count"),
            Prompt::Text(text) => Ok(text.len()),
            Prompt::Messages(_) => Ok(0),
        });
        assert_eq!(filter.keeps(&problem("a", "abc")), Ok(true));
        assert_eq!(filter.keeps(&problem("b", "abcd")), Ok(false));
        assert_eq!(filter.keeps(&problem("c", "abcde")), Ok(false));
        assert_eq!(filter.keeps(&problem("d", "")), Err("nothing to count"));
        assert_eq!((filter.dropped, &filter.first[..]), (2, &[("b".to_owned(), 4), ("c".to_owned(), 5)][..]));
    }
}

//! What one strategy did to recorded rollouts, in numbers.

use curt_reward::Rollout;
use serde::Serialize;

use crate::replay::ReplayedGroup;
use crate::trap::{Trap, Verdict};

/// Bins of the curve: their width is an eighth of L_T, the last one holds everything longer.
const BINS: usize = 33;
const BINS_PER_TARGET: u64 = 8;

/// Right or wrong, short (L ≤ L_T) or long, in the order of Table 1.
pub const CELLS: [&str; 4] = ["correct_short", "correct_long", "wrong_short", "wrong_long"];

/// The rollouts of one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CellReport {
    /// Rollouts, as recorded.
    pub rollouts: u64,
    /// Mean shaped reward of those that count in statistics; `null` if none does.
    pub reward: Option<f64>,
    /// Share that is trained on.
    pub in_loss: f64,
    /// Mean advantage, 0 for what is masked.
    pub advantage: f64,
}

/// Mean advantages at one length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Shortest length of the bin, in tokens.
    pub length: u32,
    /// Right rollouts that are trained on, and their mean advantage.
    pub correct: (u64, Option<f64>),
    /// The same of wrong ones.
    pub wrong: (u64, Option<f64>),
}

/// One strategy, compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StrategyReport {
    /// Its name, with what makes it differ from its namesakes.
    pub strategy: String,
    /// The four cells, as [`CELLS`].
    pub cells: Vec<CellReport>,
    /// Groups.
    pub groups: u64,
    /// Share of groups with an advantage that is not 0.
    pub signal: f64,
    /// Share of the groups without a right answer that have such an advantage; `null` if every group has a right answer.
    pub phantom: Option<f64>,
    /// Share of all rollouts whose advantage has the opposite sign of that under plain correctness.
    pub sign_flips: f64,
    /// Σ A · (L − mean L of the group) over right rollouts, per rollout of the recording: below 0, right answers get shorter.
    pub pressure_correct: f64,
    /// The same over wrong rollouts.
    pub pressure_wrong: f64,
    /// Kendall's τ-b between the advantages and those under plain correctness, among rollouts that are trained on; the mean
    /// over the groups where both differ.
    pub rank_agreement: Option<f64>,
    /// The trap test.
    pub trap: Trap,
    /// Its mean.
    pub trap_mean: Option<f64>,
    /// Its verdict.
    pub verdict: Verdict,
    /// Rollouts that the strategy cut and that were then counted as wrong.
    pub cut: u64,
    /// Advantage against length.
    pub curve: Vec<CurvePoint>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum(f64, u64);

impl Sum {
    fn add(&mut self, value: f64) {
        self.0 += value;
        self.1 += 1;
    }

    fn mean(self) -> Option<f64> {
        (self.1 > 0).then(|| self.0 / self.1 as f64)
    }
}

/// Sums over the groups seen so far.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    target_length: u32,
    groups: u64,
    rollouts: u64,
    rewards: [Sum; 4],
    in_loss: [Sum; 4],
    advantages: [Sum; 4],
    with_signal: u64,
    all_wrong: u64,
    phantom: u64,
    flips: u64,
    cut: u64,
    pressure: [f64; 2],
    agreement: Sum,
    trap: Trap,
    curve: [[Sum; 2]; BINS],
}

impl Comparison {
    pub fn new(target_length: u32) -> Self {
        Self {
            target_length,
            groups: 0,
            rollouts: 0,
            rewards: Default::default(),
            in_loss: Default::default(),
            advantages: Default::default(),
            with_signal: 0,
            all_wrong: 0,
            phantom: 0,
            flips: 0,
            cut: 0,
            pressure: [0.0; 2],
            agreement: Sum::default(),
            trap: Trap::default(),
            curve: [[Sum::default(); 2]; BINS],
        }
    }

    /// Takes in a group: as recorded, as the strategy left it, and its advantages under plain correctness.
    pub fn add(&mut self, recorded: &[Rollout], group: &ReplayedGroup, plain: &[f64]) {
        self.groups += 1;
        self.rollouts += recorded.len() as u64;
        let signal = group.advantages.iter().any(|&a| a != 0.0);
        let all_wrong = recorded.iter().all(|r| !r.correct);
        self.with_signal += u64::from(signal);
        self.all_wrong += u64::from(all_wrong);
        self.phantom += u64::from(all_wrong && signal);
        self.trap.add(self.target_length, group);
        self.agreement_of(group, plain);
        let mean_length = group.rollouts.iter().map(|r| f64::from(r.length)).sum::<f64>() / group.rollouts.len().max(1) as f64;
        for (row, (before, after)) in recorded.iter().zip(&group.rollouts).enumerate() {
            let (shaped, advantage) = (&group.shaped[row], group.advantages[row]);
            let cell = usize::from(before.length > self.target_length) + 2 * usize::from(!before.correct);
            if shaped.in_statistics {
                self.rewards[cell].add(shaped.total);
            }
            self.in_loss[cell].add(f64::from(u8::from(shaped.in_loss)));
            self.advantages[cell].add(advantage);
            self.flips += u64::from(advantage * plain[row] < 0.0);
            self.cut += u64::from(after.length < before.length);
            let kind = usize::from(after.correct);
            self.pressure[kind] += advantage * (f64::from(after.length) - mean_length);
            if shaped.in_loss {
                self.curve[self.bin(after.length)][kind].add(advantage);
            }
        }
    }

    fn bin(&self, length: u32) -> usize {
        let bin = u64::from(length) * BINS_PER_TARGET / u64::from(self.target_length.max(1));
        usize::try_from(bin).unwrap_or(BINS).min(BINS - 1)
    }

    /// Kendall's τ-b of one group: (concordant − discordant) / √(pairs that differ in one × pairs that differ in the other).
    fn agreement_of(&mut self, group: &ReplayedGroup, plain: &[f64]) {
        let (mut balance, mut ours, mut theirs) = (0_i64, 0_u64, 0_u64);
        for i in 0..plain.len() {
            for j in 0..i {
                if !(group.shaped[i].in_loss && group.shaped[j].in_loss) {
                    continue;
                }
                let order = |a: f64, b: f64| i64::from(a > b) - i64::from(a < b);
                let own = order(group.advantages[i], group.advantages[j]);
                let other = order(plain[i], plain[j]);
                balance += own * other;
                ours += u64::from(own != 0);
                theirs += u64::from(other != 0);
            }
        }
        if ours > 0 && theirs > 0 {
            self.agreement.add(balance as f64 / (ours as f64 * theirs as f64).sqrt());
        }
    }

    /// The numbers under the name `strategy`.
    pub fn report(&self, strategy: &str) -> StrategyReport {
        let share = |part: u64, all: u64| part as f64 / all.max(1) as f64;
        let cell = |cell: usize| CellReport {
            rollouts: self.in_loss[cell].1,
            reward: self.rewards[cell].mean(),
            in_loss: self.in_loss[cell].mean().unwrap_or(0.0),
            advantage: self.advantages[cell].mean().unwrap_or(0.0),
        };
        StrategyReport {
            strategy: strategy.to_owned(),
            cells: (0..4).map(cell).collect(),
            groups: self.groups,
            signal: share(self.with_signal, self.groups),
            phantom: (self.all_wrong > 0).then(|| share(self.phantom, self.all_wrong)),
            sign_flips: share(self.flips, self.rollouts),
            pressure_correct: self.pressure[1] / self.rollouts.max(1) as f64,
            pressure_wrong: self.pressure[0] / self.rollouts.max(1) as f64,
            rank_agreement: self.agreement.mean(),
            trap: self.trap,
            trap_mean: self.trap.mean(),
            verdict: self.trap.verdict(),
            cut: self.cut,
            curve: self.curve_points(),
        }
    }

    /// The bins that hold anything.
    fn curve_points(&self) -> Vec<CurvePoint> {
        let start = |bin: usize| (bin as u64 * u64::from(self.target_length)).div_ceil(BINS_PER_TARGET) as u32;
        let point = |(bin, [wrong, correct]): (usize, &[Sum; 2])| CurvePoint {
            length: start(bin),
            correct: (correct.1, correct.mean()),
            wrong: (wrong.1, wrong.mean()),
        };
        self.curve.iter().enumerate().filter(|(_, bin)| bin.iter().any(|sum| sum.1 > 0)).map(point).collect()
    }
}

//! The catalogue: one strategy per file, named like its type and its word in a run file.

use crate::registry::Entry;

mod a_dlp;
mod alp;
mod arora_zanette;
mod art_laser_d;
mod concise_r;
mod correctness;
mod cosine;
mod da_dler;
mod dapo_overlong;
mod diet;
mod dler;
mod dot;
mod dynamic_targets;
mod gfpo;
mod gr3;
mod grpo_lead;
mod hapo;
mod kimi;
mod l1_exact;
mod l1_max;
mod laser;
mod laser_d;
mod laser_de;
mod lc_r1;
mod minus_i;
mod minus_lc;
mod minus_lc_li;
mod minus_lc_si;
mod nemotron_bonus;
mod o1_pruner;
mod overlong_filter;
mod prime_linear;
mod qglas;
mod quantile_target;
mod short_rl;
mod shorter_better;
mod smart_thinker;
mod stop_properly;
mod think_prune;
mod truncation;

pub use a_dlp::ADlp;
pub use alp::Alp;
pub use arora_zanette::AroraZanette;
pub use art_laser_d::ArtLaserD;
pub use concise_r::ConciseR;
pub use correctness::Correctness;
pub use cosine::Cosine;
pub use da_dler::DaDler;
pub use dapo_overlong::DapoOverlong;
pub use diet::Diet;
pub use dler::Dler;
pub use dot::Dot;
pub use gfpo::Gfpo;
pub use gr3::Gr3;
pub use grpo_lead::GrpoLead;
pub use hapo::Hapo;
pub use kimi::Kimi;
pub use l1_exact::L1Exact;
pub use l1_max::L1Max;
pub use laser::Laser;
pub use laser_d::LaserD;
pub use laser_de::LaserDe;
pub use lc_r1::LcR1;
pub use minus_i::MinusI;
pub use minus_lc::MinusLc;
pub use minus_lc_li::MinusLcLi;
pub use minus_lc_si::MinusLcSi;
pub use nemotron_bonus::NemotronBonus;
pub use o1_pruner::O1Pruner;
pub use overlong_filter::OverlongFilter;
pub use prime_linear::PrimeLinear;
pub use qglas::Qglas;
pub use quantile_target::QuantileTarget;
pub use short_rl::ShortRl;
pub use shorter_better::ShorterBetter;
pub use smart_thinker::SmartThinker;
pub use stop_properly::StopProperly;
pub use think_prune::ThinkPrune;
pub use truncation::Truncation;

/// All of them, in the order of the documentation.
pub(crate) static ALL: &[&Entry] = &[
    &correctness::ENTRY,
    &truncation::ENTRY,
    &minus_i::ENTRY,
    &minus_lc::ENTRY,
    &minus_lc_si::ENTRY,
    &minus_lc_li::ENTRY,
    &kimi::ENTRY,
    &laser::ENTRY,
    &laser_d::ENTRY,
    &laser_de::ENTRY,
    &art_laser_d::ENTRY,
    &l1_exact::ENTRY,
    &l1_max::ENTRY,
    &cosine::ENTRY,
    &dapo_overlong::ENTRY,
    &overlong_filter::ENTRY,
    &stop_properly::ENTRY,
    &arora_zanette::ENTRY,
    &think_prune::ENTRY,
    &shorter_better::ENTRY,
    &grpo_lead::ENTRY,
    &o1_pruner::ENTRY,
    &alp::ENTRY,
    &prime_linear::ENTRY,
    &short_rl::ENTRY,
    &hapo::ENTRY,
    &diet::ENTRY,
    &a_dlp::ENTRY,
    &gr3::ENTRY,
    &dot::ENTRY,
    &lc_r1::ENTRY,
    &gfpo::ENTRY,
    &dler::ENTRY,
    &da_dler::ENTRY,
    &concise_r::ENTRY,
    &smart_thinker::ENTRY,
    &nemotron_bonus::ENTRY,
    &qglas::ENTRY,
    &quantile_target::ENTRY,
];

//! The `curt` command: trains reasoning models to be brief and right.
//!
//! Everything here composes what the library crates offer: [`arguments`] is what can be typed, [`wiring`] builds the
//! objects, [`train`], [`doctor`], [`eval`], [`generate`], [`score`], [`lab`], [`watch`],
//! [`verify`], [`data`], [`filter`] and [`report`] are the commands, the rest is what they print. No arithmetic beyond
//! formatting.

#![forbid(unsafe_code)]

mod arguments;
mod closing;
mod data;
mod data_arguments;
mod data_page;
mod doctor;
mod doctor_arguments;
mod doctor_page;
mod embedded;
mod eval;
mod eval_arguments;
mod eval_compare;
mod eval_page;
mod eval_rollouts;
mod eval_sampling;
mod exit;
mod filter;
mod filter_arguments;
mod filter_page;
mod generate;
mod header;
mod interrupt;
mod lab;
mod lab_plot;
mod next_commands;
mod numbers;
mod plot;
mod progress;
mod recording;
mod report;
mod report_arguments;
mod report_live;
mod score;
mod table;
mod terminal;
mod train;
mod verify;
mod verify_rows;
mod watch;
mod watch_arguments;
mod watched_metrics;
mod whole_file;
mod wiring;

use std::process::ExitCode;

use clap::Parser;
use tracing::level_filters::LevelFilter;

use crate::arguments::{Arguments, Command, TrainArguments};
use crate::exit::CommandError;
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    report_bugs_in_one_line();
    listen_to_warnings();
    let (terminal, interrupt) = (Terminal::detect(), Interrupt::listen());
    let result = match arguments.command.unwrap_or_else(|| Command::Train(TrainArguments::default())) {
        Command::Train(arguments) => train::run(&arguments, &terminal, &interrupt),
        Command::Doctor(arguments) => doctor::run(&arguments, &terminal, &interrupt),
        Command::Eval(arguments) => eval::run(&arguments, &terminal, &interrupt),
        Command::Generate(arguments) => generate::run(&arguments, &terminal, &interrupt),
        Command::Score(arguments) => score::run(&arguments),
        Command::Lab(arguments) => lab::run(&arguments, &terminal),
        Command::Report(arguments) => report::run(&arguments, &terminal),
        Command::Watch(arguments) => watch::run(&arguments, &terminal),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Data(arguments) => data::run(&arguments, &terminal),
        Command::Filter(arguments) => filter::run(&arguments, &terminal, &interrupt),
    };
    let result = result.and_then(|code| match terminal.lost() {
        Some(source) => Err(CommandError::Output { path: "standard output".into(), source }.into()),
        None => Ok(code),
    });
    result.unwrap_or_else(|error| exit::report(&error))
}

/// A panic is a mistake of ours: it is said in one line and ends the process, unless a backtrace was asked for. But for one: a
/// thread panics, before it does anything of ours, where the system has no memory left for its signal stack. And but for damaged
/// parquet and damaged tokenizers, which make their readers panic and then come as errors.
fn report_bugs_in_one_line() {
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        std::panic::set_hook(Box::new(|panic| {
            if curt_task::panic_is_damaged_parquet() || curt_runtime::panic_is_damaged_tokenizer() {
                return;
            }
            let text = panic.to_string().replace('\n', " ");
            if text.contains("alternative stack") {
                eprintln!("error: the system has no memory for another thread; `--threads` says how many are started");
            } else {
                eprintln!("error: this is a bug in curt, please report it: {text}");
            }
            std::process::exit(1);
        }));
    }
}

/// Warnings of the libraries go to standard error; `RUST_LOG` (off, error, warn, info, debug, trace) says how many.
fn listen_to_warnings() {
    let level = std::env::var("RUST_LOG").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::WARN);
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    lines.with_target(false).without_time().init();
}

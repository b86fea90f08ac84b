//! A process that answers questions.

use core::time::Duration;
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::CommandLimits;
use crate::Verdict;
use crate::child::{Deadline, Event, Piped};
use crate::quoted::{last_line, quoted};

/// How much of a line or a complaint is quoted in a reason.
const MAX_QUOTED: usize = 200;

#[derive(Serialize)]
struct Request<'a> {
    id: u64,
    gold: &'a str,
    answer: &'a str,
}

#[derive(Deserialize)]
struct Response {
    id: u64,
    verdict: Verdict,
    reason: Option<String>,
}

pub struct Server {
    piped: Piped,
    /// Whether it was asked nothing yet, so that it may still be starting.
    pub is_new: bool,
}

impl Server {
    /// Starts the program. Error: why it cannot be started.
    pub fn start(command: &[String], limits: &CommandLimits) -> Result<Self, String> {
        let (program, arguments) = command.split_first().ok_or("the verifier's command is empty")?;
        let spawned = Piped::spawn(Command::new(program).args(arguments), limits.output_bytes);
        let piped = spawned.map_err(|error| format!("the verifier `{program}` cannot be started: {error}"))?;
        if let Some(bytes) = limits.memory_bytes {
            piped.limit_memory(bytes).map_err(|error| format!("the verifier's memory cannot be limited: {error}"))?;
        }
        Ok(Server { piped, is_new: true })
    }

    /// Whether it lives and has written nothing that nobody asked for.
    pub fn is_ready(&self) -> bool {
        self.piped.output.is_empty() && !self.piped.has_exited()
    }

    /// The verdict on an answer, with a reason. Error: why there is none; the process is then of no more use.
    pub fn ask(
        &mut self,
        id: u64,
        gold: &str,
        answer: &str,
        limit: Duration,
        max_read: usize,
    ) -> Result<(Verdict, Option<String>), String> {
        let mut question = serde_json::to_vec(&Request { id, gold, answer }).map_err(|error| error.to_string())?;
        question.push(b'\n');
        self.is_new = false;
        self.piped.allow(max_read);
        self.piped.complaint.clear();
        self.piped.send(&question);
        let line = self.line(Deadline::after(limit), limit)?;
        let response: Response = serde_json::from_slice(&line).map_err(|error| {
            format!("the verifier wrote no verdict ({error}): {}", quoted(&String::from_utf8_lossy(&line), MAX_QUOTED))
        })?;
        if response.id != id {
            return Err(format!("the verifier answered question {} instead of {id}", response.id));
        }
        Ok((response.verdict, response.reason))
    }

    fn line(&mut self, deadline: Deadline, limit: Duration) -> Result<Vec<u8>, String> {
        let (mut searched, mut is_too_much) = (0, false);
        loop {
            let output = &mut self.piped.output;
            if let Some(end) = output[searched..].iter().position(|&byte| byte == b'\n') {
                return Ok(output.drain(..=searched + end).collect());
            }
            // only now: how much of what follows a line comes with it is chance
            if is_too_much {
                return Err("the verifier wrote more than it may".to_owned());
            }
            searched = output.len();
            match self.piped.advance(deadline, false) {
                Event::Output => {}
                Event::TooMuch => is_too_much = true,
                Event::Deadline => return Err(format!("the verifier did not answer in {} s", limit.as_secs_f64())),
                Event::Closed => {
                    let status = self.piped.finish(deadline);
                    let status = status.map_or("closed its output".to_owned(), |status| format!("ended with {status}"));
                    return Err(format!("the verifier {status}: {}", last_line(&self.piped.complaint, MAX_QUOTED)));
                }
            }
        }
    }
}

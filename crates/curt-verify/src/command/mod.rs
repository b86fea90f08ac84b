//! The verifier that asks another program, in lines of JSON.
//!
//! The program reads one question a line from its standard input and writes one verdict a line, in the same order:
//!
//! ```text
//! → {"id": 7, "gold": "1/2", "answer": "So it is \\boxed{0.5}."}
//! ← {"id": 7, "verdict": "correct"}
//! → {"id": 8, "gold": "1/2", "answer": "…"}
//! ← {"id": 8, "verdict": "wrong", "reason": "0.25 is not 1/2"}
//! ```
//!
//! It is started when the first question comes (once already by [`CommandVerifier::available`]), as often as there are workers, and
//! stays until the verifier is dropped. One that does not answer in time, dies, or writes anything else is killed with its process
//! group; that question is [`Verdict::Ungradable`] with the reason, and the next one gets a new process. It is trusted: it runs as
//! the user, with the user's environment and outside any sandbox.
//!
//! ```
//! use curt_verify::command::{CommandLimits, CommandVerifier};
//! use curt_verify::{Verdict, Verifier};
//!
//! let answers = r#"read -r question; echo '{"id": 1, "verdict": "correct"}'"#;
//! let verifier = CommandVerifier::new(["sh", "-c", answers].map(str::to_owned).to_vec(), CommandLimits::default());
//! assert_eq!(verifier.verify("4", "It is 4.", true).verdict, Verdict::Correct);
//! // the second question finds it gone; the new one gives the wrong id
//! assert_eq!(verifier.verify("4", "It is 4.", true).verdict, Verdict::Ungradable);
//! ```

mod server;

use core::time::Duration;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::pool::{self, Places};
use crate::{Response, Verdict, Verification, Verifier};
use server::Server;

/// What an answer of the program may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommandLimits {
    /// Time by the clock for a verdict, in seconds.
    pub seconds: f64,
    /// More of it for the first verdict of a process, which has to start.
    pub start_seconds: f64,
    /// Bytes that a process may write for one question, output and errors together.
    pub output_bytes: usize,
    /// Address space of a process, on Linux; none: as much as there is.
    pub memory_bytes: Option<u64>,
    /// How many processes there are at most.
    pub workers: usize,
}

impl Default for CommandLimits {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        CommandLimits { seconds: 10.0, start_seconds: 60.0, output_bytes: 1 << 16, memory_bytes: None, workers }
    }
}

/// Asks a program. As a [`Verifier`] it is called `command`.
///
/// An unfinished response and one without any text are wrong, and are not asked about.
pub struct CommandVerifier {
    command: Vec<String>,
    limits: CommandLimits,
    places: Places,
    idle: Mutex<Vec<Server>>,
    next_id: AtomicU64,
}

impl CommandVerifier {
    /// A verifier that runs `command`: a program and its arguments. Nothing is started before the first question.
    pub fn new(command: Vec<String>, limits: CommandLimits) -> Self {
        let places = Places::new(limits.workers);
        CommandVerifier { command, limits, places, idle: Mutex::new(Vec::new()), next_id: AtomicU64::new(1) }
    }

    /// Whether the program can be started: a process is, and waits for the first question. Error: why it cannot.
    pub fn available(&self) -> Result<(), String> {
        let server = Server::start(&self.command, &self.limits)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(server);
        Ok(())
    }

    fn ask(&self, gold: &str, answer: &str) -> (Verdict, Option<String>) {
        let _place = self.places.take();
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let server = match idle.filter(Server::is_ready) {
            Some(server) => Ok(server),
            None => Server::start(&self.command, &self.limits),
        };
        let answered = server.and_then(|mut server| {
            let seconds = self.limits.seconds + if server.is_new { self.limits.start_seconds } else { 0.0 };
            let limit = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO);
            let verdict = server.ask(id, gold, answer, limit, self.limits.output_bytes)?;
            Ok((server, verdict))
        });
        match answered {
            Ok((server, verdict)) => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(server);
                verdict
            }
            // the process that failed is dropped, which kills it
            Err(why) => (Verdict::Ungradable, Some(why)),
        }
    }
}

impl Verifier for CommandVerifier {
    fn name(&self) -> &'static str {
        "command"
    }

    fn may_fail(&self, _answer: &str) -> bool {
        true
    }

    fn verify(&self, answer: &str, response: &str, finished: bool) -> Verification {
        let (verdict, reason) = match () {
            () if !finished => (Verdict::Wrong, Some("the response did not end".to_owned())),
            () if response.trim().is_empty() => (Verdict::Wrong, Some("an empty response".to_owned())),
            () => self.ask(answer, response),
        };
        Verification { verdict, extracted: None, reason }
    }

    fn verify_all(&self, responses: &[Response<'_>]) -> Vec<Verification> {
        pool::map(responses, self.limits.workers, |r| self.verify(r.answer, r.text, r.finished))
    }
}

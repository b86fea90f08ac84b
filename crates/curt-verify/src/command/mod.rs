//! The verifier that asks another program: questions and verdicts as lines of JSON.

//! Brackets and bars that belong together.

use super::commands::{Bracket, Meaning};
use super::lexer::{Kind, Token};

/// How many braces are open at the end: a text that was cut off there is read as if they were closed.
pub fn n_unclosed(tokens: &[Token]) -> usize {
    tokens.iter().fold(0, |depth, token| match token.kind {
        Kind::Is(Meaning::Open(Bracket::Group)) => depth + 1,
        Kind::Is(Meaning::Close(Bracket::Group)) => depth.saturating_sub(1),
        _ => depth,
    })
}

/// Gives each opening bracket its partner and each bar the number of bars that follow in its bracket.
pub fn pair(tokens: &mut [Token]) {
    let mut open: Vec<usize> = Vec::new();
    // bars of each open bracket, so that they are counted when it closes
    let mut pipes: Vec<Vec<usize>> = vec![Vec::new()];
    for i in 0..tokens.len() {
        match tokens[i].kind {
            Kind::Is(Meaning::Open(_)) => {
                open.push(i);
                pipes.push(Vec::new());
            }
            Kind::Is(Meaning::Close(bracket)) => {
                // braces pair with braces only, since the others may be mixed (`[0, 1)`)
                let is_partner =
                    |&j: &usize| (tokens[j].kind == Kind::Is(Meaning::Open(Bracket::Group))) == (bracket == Bracket::Group);
                if let Some(j) = open.last().copied().filter(is_partner) {
                    open.pop();
                    tokens[j].partner = i;
                    count(tokens, &pipes.pop().unwrap_or_default());
                }
            }
            Kind::Is(Meaning::Pipe) => {
                if let Some(last) = pipes.last_mut() {
                    last.push(i);
                }
            }
            _ => {}
        }
    }
    pipes.iter().for_each(|bars| count(tokens, bars));
}

fn count(tokens: &mut [Token], bars: &[usize]) {
    for (n_before, &i) in bars.iter().enumerate() {
        tokens[i].partner = bars.len() - n_before;
    }
}

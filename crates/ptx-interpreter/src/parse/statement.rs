//! Instructions and their operands.

use super::cursor::{Cursor, integer};
use super::lexer::Kind;
use super::{Operand, Statement};
use crate::LoadError;

pub fn statement(cursor: &mut Cursor) -> Result<Statement, LoadError> {
    let line = cursor.line();
    let mut guard = None;
    if cursor.take('@') {
        let is_negated = cursor.take('!');
        guard = Some((cursor.word("a predicate")?, is_negated));
    }
    let opcode = cursor.word("an opcode")?.split('.').map(str::to_owned).collect();
    let mut operands = Vec::new();
    while !cursor.take(';') {
        operands.push(operand(cursor)?);
        if !cursor.take(',') && cursor.peek() != Some(&Kind::Mark(';')) {
            return Err(cursor.unexpected("`,` or `;`"));
        }
    }
    Ok(Statement { line, guard, opcode, operands })
}

fn operand(cursor: &mut Cursor) -> Result<Operand, LoadError> {
    if cursor.take('{') {
        return Ok(Operand::Vector(list(cursor, '}')?));
    }
    if cursor.take('(') {
        return Ok(Operand::List(list(cursor, ')')?));
    }
    if cursor.take('!') {
        return Ok(Operand::Not(cursor.word("a predicate")?));
    }
    if cursor.take('[') {
        let base = constant(cursor)?;
        // `+4`, `+-4` and `-4`.
        let has_offset = cursor.take('+') || cursor.peek() == Some(&Kind::Mark('-'));
        let offset = if has_offset { cursor.integer("an offset")? as i64 } else { 0 };
        cursor.expect(']')?;
        return Ok(Operand::Address(Box::new(base), offset));
    }
    let first = constant(cursor)?;
    if cursor.take('|') {
        return Ok(Operand::Pair(Box::new(first), Box::new(constant(cursor)?)));
    }
    // `symbol+8` as a plain operand.
    if let (Operand::Name(_), true) = (&first, cursor.take('+')) {
        let offset = cursor.integer("an offset")? as i64;
        return Ok(Operand::Address(Box::new(first), offset));
    }
    Ok(first)
}

fn list(cursor: &mut Cursor, end: char) -> Result<Vec<Operand>, LoadError> {
    let mut found = Vec::new();
    while !cursor.take(end) {
        found.push(operand(cursor)?);
        if !cursor.take(',') && cursor.peek() != Some(&Kind::Mark(end)) {
            return Err(cursor.unexpected("`,`"));
        }
    }
    Ok(found)
}

/// A number or a name.
pub fn constant(cursor: &mut Cursor) -> Result<Operand, LoadError> {
    if cursor.peek() == Some(&Kind::Mark('-')) {
        return cursor.integer("a number").map(Operand::Integer);
    }
    let line = cursor.line();
    let word = cursor.word("an operand")?;
    if !word.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(Operand::Name(word));
    }
    let wrong = || LoadError::syntax(line, format!("`{word}` is no number"));
    match word.get(..2) {
        Some("0f" | "0F") => u32::from_str_radix(&word[2..], 16).map(Operand::Single).map_err(|_| wrong()),
        Some("0d" | "0D") => u64::from_str_radix(&word[2..], 16).map(Operand::Double).map_err(|_| wrong()),
        _ => integer(&word).map(Operand::Integer).ok_or_else(wrong),
    }
}

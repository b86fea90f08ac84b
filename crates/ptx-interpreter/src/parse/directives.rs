//! What stands outside statements: variables, functions, registers, source lines.

use super::cursor::Cursor;
use super::lexer::Kind;
use super::statement;
use super::{Function, Item, Source, Space, Variable};
use crate::LoadError;
use crate::scalar::Scalar;

pub fn module(cursor: &mut Cursor) -> Result<Source, LoadError> {
    let mut source = Source::default();
    while !cursor.is_at_end() {
        let line = cursor.line();
        let word = cursor.word("a directive")?;
        match word.as_str() {
            ".version" | ".address_size" => cursor.skip(),
            ".target" => {
                source.target = cursor.word("a target")?;
                while cursor.take(',') {
                    cursor.skip();
                }
            }
            ".file" => file(cursor, &mut source)?,
            ".visible" | ".extern" | ".weak" | ".common" => {}
            ".entry" => source.functions.extend(function(cursor, true, line)?),
            ".func" => source.functions.extend(function(cursor, false, line)?),
            ".section" => skip_section(cursor)?,
            ".pragma" => skip_to_semicolon(cursor),
            _ => match space(&word) {
                Some(space) => {
                    source.variables.extend(variables(cursor, space)?);
                }
                None => return Err(LoadError::syntax(line, format!("directive `{word}` is not known"))),
            },
        }
    }
    Ok(source)
}

fn file(cursor: &mut Cursor, source: &mut Source) -> Result<(), LoadError> {
    let number = cursor.size("a file number")? as u32;
    let Some(Kind::Text(name)) = cursor.peek().cloned() else { return Err(cursor.unexpected("a file name")) };
    cursor.skip();
    while cursor.take(',') {
        cursor.size("a time stamp or size")?;
    }
    source.files.insert(number, name);
    Ok(())
}

/// `.section .debug_... { ... }` holds nothing that runs.
fn skip_section(cursor: &mut Cursor) -> Result<(), LoadError> {
    cursor.word("a section name")?;
    cursor.expect('{')?;
    while !cursor.take('}') {
        if cursor.is_at_end() {
            return Err(cursor.unexpected("`}`"));
        }
        cursor.skip();
    }
    Ok(())
}

fn skip_to_semicolon(cursor: &mut Cursor) {
    while !cursor.is_at_end() && !cursor.take(';') {
        cursor.skip();
    }
}

pub fn space(word: &str) -> Option<Space> {
    match word {
        ".global" => Some(Space::Global),
        ".const" => Some(Space::Const),
        ".shared" => Some(Space::Shared),
        ".local" => Some(Space::Local),
        ".param" => Some(Space::Param),
        _ => None,
    }
}

/// `.align N .type name[size] = {..}, name2;` after its space.
pub fn variables(cursor: &mut Cursor, space: Space) -> Result<Vec<Variable>, LoadError> {
    let mut found = vec![variable(cursor, space)?];
    while cursor.take(',') {
        let template = found[0].clone();
        let line = cursor.line();
        let name = cursor.word("a name")?;
        found.push(Variable { line, name, ..template });
    }
    cursor.expect(';')?;
    Ok(found)
}

fn variable(cursor: &mut Cursor, space: Space) -> Result<Variable, LoadError> {
    let line = cursor.line();
    let (mut align, mut elements) = (None, 1);
    let scalar = loop {
        let word = cursor.word("a type")?;
        match word.as_str() {
            ".align" => align = Some(cursor.size("an alignment")?),
            ".v2" => elements = 2,
            ".v4" => elements = 4,
            // What a pointer parameter points to: a hint for the compiler.
            ".ptr" => {}
            word if self::space(word).is_some() => {}
            _ => break Scalar::parse(&word[1..]).ok_or(LoadError::syntax(line, format!("`{word}` is no type")))?,
        }
    };
    while let Some(Kind::Word(word)) = cursor.peek() {
        match word.as_str() {
            ".ptr" => cursor.skip(),
            ".align" => {
                // Of the memory pointed to.
                cursor.skip();
                cursor.size("an alignment")?;
            }
            word if self::space(word).is_some() => cursor.skip(),
            _ => break,
        }
    }
    let name = cursor.word("a name")?;
    let mut size = Some(scalar.bytes() * elements);
    while cursor.take('[') {
        if cursor.take(']') {
            size = None;
        } else {
            let length = cursor.size("a length")?;
            size = size.and_then(|size| size.checked_mul(length)).filter(|&size| size <= 1 << 32);
            cursor.expect(']')?;
        }
    }
    let initial = if cursor.take('=') { initializer(cursor, scalar)? } else { Vec::new() };
    if size.is_some_and(|size| initial.len() > size) {
        return Err(LoadError::syntax(line, format!("more initial values than `{name}` holds")));
    }
    Ok(Variable { line, name, space, align: align.unwrap_or(scalar.bytes() * elements), size, initial })
}

fn initializer(cursor: &mut Cursor, scalar: Scalar) -> Result<Vec<u8>, LoadError> {
    let mut bytes = Vec::new();
    let element = |cursor: &mut Cursor, bytes: &mut Vec<u8>| -> Result<(), LoadError> {
        let value = match statement::constant(cursor)? {
            super::Operand::Integer(value) => value as u64,
            super::Operand::Single(bits) => u64::from(bits),
            super::Operand::Double(bits) => bits,
            _ => return Err(cursor.unexpected("a number")),
        };
        bytes.extend_from_slice(&value.to_le_bytes()[..scalar.bytes()]);
        Ok(())
    };
    if cursor.take('{') {
        loop {
            element(cursor, &mut bytes)?;
            if !cursor.take(',') {
                break;
            }
        }
        cursor.expect('}')?;
    } else {
        element(cursor, &mut bytes)?;
    }
    Ok(bytes)
}

/// None for a declaration without body.
fn function(cursor: &mut Cursor, is_kernel: bool, line: u32) -> Result<Option<Function>, LoadError> {
    let returns = parameters(cursor)?;
    let name = cursor.word("a function name")?;
    let parameters = parameters(cursor)?;
    let mut function =
        Function { line, name, is_kernel, returns, parameters, max_threads: None, required_block: None, body: Vec::new() };
    loop {
        if cursor.take(';') {
            return Ok(None);
        }
        if cursor.take('{') {
            break;
        }
        let word = cursor.word("`{`")?;
        match word.as_str() {
            ".maxntid" | ".reqntid" => {
                let block = block_size(cursor)?;
                function.max_threads = Some(block.iter().product());
                function.required_block = (word == ".reqntid").then_some(block);
            }
            ".minnctapersm" | ".maxnreg" | ".maxnctapersm" => {
                cursor.size("a number")?;
            }
            ".noreturn" => {}
            ".pragma" => skip_to_semicolon(cursor),
            _ => return Err(LoadError::syntax(line, format!("directive `{word}` of a function is not known"))),
        }
    }
    body(cursor, &mut function.body)?;
    Ok(Some(function))
}

fn parameters(cursor: &mut Cursor) -> Result<Vec<Variable>, LoadError> {
    let mut found = Vec::new();
    if !cursor.take('(') {
        return Ok(found);
    }
    while !cursor.take(')') {
        let word = cursor.word("`.param`")?;
        if word != ".param" {
            return Err(LoadError::syntax(cursor.line(), format!("parameters in `{word}` are not supported")));
        }
        found.push(variable(cursor, Space::Param)?);
        cursor.take(',');
    }
    Ok(found)
}

fn block_size(cursor: &mut Cursor) -> Result<[u32; 3], LoadError> {
    let mut block = [1; 3];
    for (i, size) in block.iter_mut().enumerate() {
        if i > 0 && !cursor.take(',') {
            break;
        }
        *size = cursor.size("a block size")?.min(1 << 16) as u32;
    }
    Ok(block)
}

/// Until the brace that closes the function.
fn body(cursor: &mut Cursor, items: &mut Vec<Item>) -> Result<(), LoadError> {
    let mut depth = 0;
    loop {
        if cursor.take('}') {
            if depth == 0 {
                return Ok(());
            }
            depth -= 1;
            items.push(Item::Close);
        } else if cursor.take('{') {
            depth += 1;
            items.push(Item::Open);
        } else if cursor.take(';') {
            // An empty statement.
        } else if let (Some(Kind::Word(word)), Some(Kind::Mark(':'))) = (cursor.peek(), cursor.peek_second()) {
            items.push(Item::Label(word.clone()));
            cursor.skip();
            cursor.skip();
        } else if matches!(cursor.peek(), Some(Kind::Word(word)) if word.starts_with('.') && word != ".branchtargets") {
            directive(cursor, items)?;
        } else {
            items.push(Item::Statement(statement::statement(cursor)?));
        }
    }
}

/// A directive inside a function.
fn directive(cursor: &mut Cursor, items: &mut Vec<Item>) -> Result<(), LoadError> {
    let line = cursor.line();
    let word = cursor.word("a directive")?;
    match word.as_str() {
        ".reg" => registers(cursor, items)?,
        ".loc" => {
            let file = cursor.size("a file number")? as u32;
            let source_line = cursor.size("a line")? as u32;
            cursor.size("a column")?;
            while cursor.take(',') {
                location_detail(cursor)?;
            }
            items.push(Item::Location { file, line: source_line });
        }
        ".pragma" => skip_to_semicolon(cursor),
        _ => match space(&word) {
            Some(space) => items.extend(variables(cursor, space)?.into_iter().map(Item::Variable)),
            None => return Err(LoadError::syntax(line, format!("directive `{word}` is not known in a function"))),
        },
    }
    Ok(())
}

/// `function_name $L+5` or `inlined_at 1 2 3` after a `.loc`.
fn location_detail(cursor: &mut Cursor) -> Result<(), LoadError> {
    let word = cursor.word("a detail of .loc")?;
    let numbers = match word.as_str() {
        "inlined_at" => 3,
        "function_name" => {
            cursor.word("a label")?;
            if cursor.take('+') {
                cursor.size("an offset")?;
            }
            0
        }
        _ => return Err(LoadError::syntax(cursor.line(), format!("detail `{word}` of .loc is not known"))),
    };
    (0..numbers).try_for_each(|_| cursor.size("a number").map(|_| ()))
}

fn registers(cursor: &mut Cursor, items: &mut Vec<Item>) -> Result<(), LoadError> {
    let line = cursor.line();
    let word = cursor.word("a type")?;
    let scalar = Scalar::parse(word.trim_start_matches('.')).ok_or(LoadError::syntax(line, format!("`{word}` is no type")))?;
    loop {
        let name = cursor.word("a register")?;
        let mut count = None;
        if cursor.take('<') {
            count = Some(cursor.size("a count")?.min(1 << 20) as u32);
            cursor.expect('>')?;
        }
        items.push(Item::Registers { scalar, name, count });
        if !cursor.take(',') {
            break;
        }
    }
    cursor.expect(';')
}

//! Rules of the Markdown pages.

use anyhow::Result;

use super::Violation;
use super::lexer::lines_containing;
use crate::ci::TEST_COMMAND;
use crate::workspace::Workspace;

/// Each `[text](target)` that is no URL names a file or folder of the workspace, relative to the page.
pub fn links(workspace: &Workspace) -> Result<Vec<Violation>> {
    let mut found = Vec::new();
    for (path, text) in workspace.files.iter().filter(|(path, _)| path.ends_with(".md")) {
        for (line, target) in targets(text) {
            let file = target.split('#').next().unwrap_or_default();
            let is_url = target.contains("://") || target.starts_with("mailto:");
            if file.is_empty() || is_url {
                continue;
            }
            let exists = resolve(path, file).is_some_and(|wanted| {
                let folder = format!("{wanted}/");
                wanted.is_empty() || workspace.files.keys().any(|known| *known == wanted || known.starts_with(&folder))
            });
            if !exists {
                found.push(Violation::new(path, line, format!("the link leads nowhere: {target}")));
            }
        }
    }
    Ok(found)
}

/// The README and .ci/run contain the one test command as a line of its own.
pub fn test_command(workspace: &Workspace) -> Result<Vec<Violation>> {
    let said = |text: &str| text.lines().any(|line| line.trim() == TEST_COMMAND);
    let pages = ["README.md", ".ci/run"].into_iter().filter_map(|path| Some((path, workspace.files.get(path)?)));
    let lacks = pages.filter(|(_, text)| !said(text));
    Ok(lacks
        .map(|(path, text)| {
            Violation::new(
                path,
                lines_containing(text, "cargo test").first().copied().unwrap_or(0),
                format!("no line `{TEST_COMMAND}`"),
            )
        })
        .collect())
}

/// Line number and target of each link outside code blocks and code spans.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code_block = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code_block = !in_code_block;
        } else if !in_code_block {
            let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
            let links = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
            found.extend(links.map(|target| (i + 1, target.to_owned())));
        }
    }
    found
}

/// The path that `target` means on this page; none if it leaves the workspace.
fn resolve(page: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_must_lead_somewhere() {
        let check = |line: &str, n_expected: usize| {
            let workspace = Workspace::of(&[("docs/page.md", line), ("docs/other.md", ""), ("crates/a/src/lib.rs", "")]);
            assert_eq!(links(&workspace).unwrap().len(), n_expected, "{line}");
        };
        check("see [a](other.md), [b](../crates/a) and [c](../crates/a/src/lib.rs#L1)", 0);
        check("[web](https://example.org/x) [mail](mailto:a@b) [here](#there) [root](..)", 0);
        check("[a](gone.md)", 1);
        check("![plot](plot.svg) [b](../crates/b)", 2);
        check("[out](../../elsewhere.md)", 1);
        check("```\n[a](gone.md)\n```\n`[a](gone.md)`", 0);
    }

    #[test]
    fn the_test_command_is_one() {
        let check = |readme: &str, n_expected: usize| {
            let workspace = Workspace::of(&[("README.md", readme), (".ci/run", &format!("set -e\n{TEST_COMMAND}\n"))]);
            assert_eq!(test_command(&workspace).unwrap().len(), n_expected, "{readme}");
        };
        check(&format!("```sh\n{TEST_COMMAND}\n```"), 0);
        check("```sh\ncargo test --lib\n```", 1);
    }
}

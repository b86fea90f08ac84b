//! `eval.json`, as `curt eval` writes it.

use std::path::Path;

use curt_eval::EvalReport;

use crate::error::ReportError;

/// No evaluation is larger; what is, is something else.
const MAX_BYTES: u64 = 1 << 30;

/// An evaluation, read for a page.
#[derive(Clone, Debug)]
pub struct EvaluationFile {
    pub(crate) name: String,
    pub(crate) report: EvalReport,
}

/// Reads the `eval.json` at `path`.
///
/// # Errors
/// There is no such file, or it is no evaluation of a version that is understood.
pub fn read_eval(path: &Path) -> Result<EvaluationFile, ReportError> {
    let refused = |problem: String| ReportError::Evaluation { path: path.into(), problem };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(ReportError::NotFound { path: path.into() }),
        Err(error) => return Err(ReportError::read(path)(error)),
    };
    if metadata.len() > MAX_BYTES {
        return Err(refused("it is larger than 1 GiB".into()));
    }
    let bytes = std::fs::read(path).map_err(ReportError::read(path))?;
    let report: EvalReport = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
    let report = report.understood().map_err(|error| refused(error.to_string()))?;
    if report.entries.is_empty() {
        return Err(refused("it has no entries".into()));
    }
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    Ok(EvaluationFile { name, report })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_evaluation_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eval.json");
        assert!(matches!(read_eval(&path).unwrap_err(), ReportError::NotFound { .. }));
        let settings = "{\"limit\":1,\"budgets\":[],\"sampling\":null,\"resamples\":1,\"bootstrap_seed\":0}";
        let of_version = |version| {
            format!("{{\"version\":{version},\"created_by\":\"x\",\"settings\":{settings},\"entries\":[],\"comparisons\":[]}}")
        };
        for (text, expected) in [
            ("", "EOF"),
            ("{\"version\":1", "EOF"),
            ("[]", "is no evaluation"),
            (&of_version(99), "99"),
            (&of_version(1), "no entries"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read_eval(&path).unwrap_err();
            assert!(matches!(&error, ReportError::Evaluation { .. }) && error.to_string().contains(expected), "{error}");
        }
    }
}
